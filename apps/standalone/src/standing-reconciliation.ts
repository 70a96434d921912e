import { SystemClock } from '#adapters/clock/system-clock.js';
import type { EmbeddedUsage } from '#adapters/embedded/embedded-usage.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { LogAccount } from '#stream/log-account.js';
import { RECONCILE_EVERY_MS, Reconciliation } from '#stream/reconciliation.js';
import type { MainThread } from './main-thread.js';
import type { PipelineSettings } from './pipeline-settings.js';

/** Looks again and again whether what the log had is counted, and tells the main thread, which has the metrics. */
export class StandingReconciliation {
  readonly reconciliation: Reconciliation;
  readonly #reader: SegmentLogReader;
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> | undefined;

  constructor(
    { folders, watermarks, insert }: PipelineSettings,
    private readonly usage: EmbeddedUsage,
    private readonly main: MainThread,
  ) {
    this.#reader = new SegmentLogReader(folders.log, watermarks);
    const account = new LogAccount(usage.books, this.#reader);
    const committed = async () => [await usage.offsets.load(0)];
    const { rawRetentionMs } = insert;
    this.reconciliation = new Reconciliation(usage.books, account, new SystemClock(), { committed, rawRetentionMs });
    this.#timer = setInterval(() => this.#round(), RECONCILE_EVERY_MS);
    this.#round();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#reader.close();
  }

  #round(): void {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
  }

  async #look(): Promise<void> {
    try {
      const reconciled = await this.reconciliation.round();
      this.main.tell('reconciled', { reconciled, letters: await this.usage.letters.waiting() });
    } catch (error) {
      this.main.tell('notReconciled', error instanceof Error ? error.message : String(error));
    }
  }
}
