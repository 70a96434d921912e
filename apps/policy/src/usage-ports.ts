import type { EventHistory } from '#ports/event-history.js';
import { EventLookup } from '#ports/event-lookup.js';
import { BacktestRunner } from './backtest/backtest-runner.js';
import { ThreadedBacktests } from './backtest/threaded-backtests.js';

interface Usage {
  readonly lookup: EventLookup;
  readonly history: EventHistory;
}

/** What explanations and backtests need, in a process whose own thread reads the stored events. */
export function usagePorts({ lookup, history }: Usage) {
  return [
    [EventLookup, lookup],
    [BacktestRunner, ThreadedBacktests.over(history)],
  ] as const;
}
