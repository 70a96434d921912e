import type { KeymeterError } from '#domain/errors.js';
import type { OffsetRange } from '#domain/log/position.js';
import type { Enforcement } from '#domain/policies/enforcement.js';
import type { EnforcementNotice } from '#domain/policies/enforcement-notice.js';
import type { EnforcementFeed } from '#ports/enforcement-feed.js';
import { EnforcementSink } from '#ports/enforcement-sink.js';
import type { PortRpc } from '#runtime/port-rpc.js';
import type { Committed } from '../../consumer/src/usage-writer.js';

/** The main thread as the pipeline sees it: it hears what happens, and enforces what the engine decides. */
export class MainThread extends EnforcementSink {
  constructor(private readonly rpc: PortRpc) {
    super();
  }

  tell(event: string, ...values: unknown[]): void {
    void this.rpc.call('main', event, values);
  }

  failed(error: unknown): void {
    this.tell('failed', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }

  async enforce(enforcement: Enforcement): Promise<'created' | 'known'> {
    return (await this.rpc.call('enforcementSink', 'enforce', [enforcement])) as 'created' | 'known';
  }

  /** Webhooks: their queue is in the stores of the main thread. */
  readonly feed: EnforcementFeed = {
    publish: async (notice: EnforcementNotice, acceptedAt: number): Promise<void> => {
      await this.rpc.call('webhookIntake', 'publish', [notice, acceptedAt]);
    },
  };

  writerEvents() {
    return {
      onFailed: (error: unknown) => this.failed(error),
      onCommitted: (commit: Committed) => this.tell('committed', commit),
      onRetry: (error: KeymeterError, attempt: number) => this.tell('retrying', error.message, attempt),
      onMended: (rows: number) => this.tell('mended', rows),
      onReplayed: (range: OffsetRange, missingRows: number, mendedWindows: number) =>
        this.tell('replayed', range, missingRows, mendedWindows),
    };
  }
}
