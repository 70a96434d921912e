import type { BacktestReport } from '#domain/policies/backtest/backtest-report.js';
import type { BacktestJob, BacktestProgress } from './backtest-driver.js';

/** Runs backtests where they hold up nothing that answers requests. */
export abstract class BacktestRunner {
  /**
   * Resolves with the report; undefined where `signal` was aborted. Rejects with KeymeterError where the history cannot be
   * read. `told` hears how far it is, now and then.
   */
  abstract run(
    job: BacktestJob,
    told: (progress: BacktestProgress) => void,
    signal: AbortSignal,
  ): Promise<BacktestReport | undefined>;
}
