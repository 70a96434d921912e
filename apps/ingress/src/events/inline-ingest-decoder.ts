import { type IngestForm, type IngestResult, readIngestBody } from '#domain/events/ingest-body.js';
import type { Clock } from '#ports/clock.js';
import { IngestDecoder } from './ingest-decoder.js';
import { type IngestSettings, timeBounds } from './ingest-settings.js';

/** Reads every body at once: a node that has other nodes beside it needs no thread for large ones. */
export class InlineIngestDecoder extends IngestDecoder {
  constructor(
    private readonly settings: IngestSettings,
    private readonly clock: Clock,
  ) {
    super();
  }

  async decode(body: Buffer, form: IngestForm, named: boolean): Promise<IngestResult> {
    const now = this.clock.now();
    return readIngestBody(body, form, now, timeBounds(now, this.settings), this.settings, named);
  }
}
