import { Worker } from 'node:worker_threads';
import { KeymeterError } from '#domain/errors.js';
import { type IngestForm, type IngestResult, readIngestBody } from '#domain/events/ingest-body.js';
import type { Clock } from '#ports/clock.js';
import { IngestDecoder } from '../../ingress/src/events/ingest-decoder.js';
import { type IngestSettings, timeBounds } from '../../ingress/src/events/ingest-settings.js';

/** Bodies up to this size are read at once: about half a millisecond; handing them over would cost as much. */
const INLINE_BYTES = 32 * 1024;
/** Bodies waiting for the thread; beyond that senders are told to come back. */
const MAX_WAITING = 64;

export class ThreadedIngestDecoder extends IngestDecoder {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, (result: IngestResult) => void>();
  #calls = 0;

  constructor(
    private readonly settings: IngestSettings,
    private readonly clock: Clock,
  ) {
    super();
    this.#thread = new Worker(new URL('./ingest-thread.js', import.meta.url), {
      workerData: settings,
      resourceLimits: { maxYoungGenerationSizeMb: 12, maxOldGenerationSizeMb: 256 },
    });
    this.#thread.on('message', ({ call, result }: { call: number; result: IngestResult }) =>
      this.#settle(call, result),
    );
    this.#thread.unref();
  }

  async decode(body: Buffer, form: IngestForm, named: boolean): Promise<IngestResult> {
    if (body.length <= INLINE_BYTES) {
      const now = this.clock.now();
      return readIngestBody(body, form, now, timeBounds(now, this.settings), this.settings, named);
    }
    if (this.#waiting.size >= MAX_WAITING) {
      throw new KeymeterError('LOG_UNAVAILABLE', 'Too many large batches are being read.', { retryable: true });
    }
    return new Promise((resolve) => {
      const call = ++this.#calls;
      this.#waiting.set(call, resolve);
      const bytes = new Uint8Array(body);
      this.#thread.postMessage({ call, body: bytes, form, named }, [bytes.buffer]);
    });
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  #settle(call: number, result: IngestResult): void {
    const resolve = this.#waiting.get(call);
    this.#waiting.delete(call);
    resolve?.(result.kind === 'frame' ? { ...result, frame: Buffer.from(result.frame.buffer) } : result);
  }
}
