import type { EventHistory } from '#ports/event-history.js';
import { EventLookup } from '#ports/event-lookup.js';
import type { Settings } from '#runtime/config/settings.js';
import { BacktestRunner } from './backtest/backtest-runner.js';
import { GateSettings } from './backtest/policy-gate.js';
import { ThreadedBacktests } from './backtest/threaded-backtests.js';
import { LiveLateness } from './explanation-desk.js';
import { ApprovalSettings } from './policy-approvals.js';

interface Usage {
  readonly lookup: EventLookup;
  readonly history: EventHistory;
}

/** What explanations and backtests need, in a process whose own thread reads the stored events. */
export function usagePorts(settings: Settings, { lookup, history }: Usage) {
  return [
    [EventLookup, lookup],
    [BacktestRunner, ThreadedBacktests.over(history)],
    [LiveLateness, new LiveLateness(settings.KEYMETER_POLICY_LATENESS_MS)],
    [GateSettings, new GateSettings(settings.KEYMETER_POLICY_GATE === 'on')],
    [ApprovalSettings, new ApprovalSettings(settings.KEYMETER_POLICY_APPROVAL === 'on')],
  ] as const;
}
