/** Events per second on one core of a backtest, from pages as the usage store hands them over to decisions. */
import { Backtest } from '#domain/policies/backtest/backtest.js';
import { columnsRead } from '#domain/policies/backtest/columns-read.js';
import { EventPage } from '#domain/policies/backtest/event-page.js';
import { pageOf } from '#domain/policies/backtest/page-fixture.js';
import { policyOf } from '#domain/policies/policy-fixture.js';
import type { ThresholdPolicy } from '#domain/policies/threshold-policy.js';
import { median } from '../statistics.js';
import { requests } from './requests.js';

const PAGE = 50_000;
const PAGES = 6;
const ROUNDS = 5;
const KEYS = 10_000;

export interface BacktestRate {
  readonly of: string;
  readonly eventsPerSecond: number;
  readonly decisions: number;
}

/** Pages are made before: their garbage is none of the backtest's. Each round is a partition of its own. */
export function backtestRates(): BacktestRate[] {
  return [
    rateOf('columns', policyOf({ threshold: 45 })),
    rateOf(
      'their data',
      policyOf({ threshold: 90_000, aggregate: 'sum', field: 'data.bytes', action: { type: 'warn' } }),
    ),
  ];
}

function rateOf(of: string, policy: ThresholdPolicy): BacktestRate {
  const source = requests(KEYS);
  const columns = columnsRead([policy]);
  const pages = Array.from({ length: PAGES }, () => pageOf(source.take(PAGE), columns));
  const backtest = new Backtest(policy, undefined, { from: 0, to: Number.MAX_SAFE_INTEGER });
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    backtest.begin(round);
    const start = performance.now();
    for (const bytes of pages) {
      const page = new EventPage(bytes, round, columns);
      for (let at = 0; at < page.length; at++) backtest.apply(page.at(at));
    }
    rates.push((PAGES * PAGE * 1_000) / (performance.now() - start));
  }
  return { of, eventsPerSecond: Math.round(median(rates)), decisions: backtest.candidate.decisions };
}
