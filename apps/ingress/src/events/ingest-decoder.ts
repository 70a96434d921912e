import type { IngestForm, IngestResult } from '#domain/events/ingest-body.js';

/**
 * Turns an ingest body into a frame. Small bodies are read at once; large ones on another thread, so that a bulk
 * import does not make verifications wait.
 */
export abstract class IngestDecoder {
  /** With the names of the events where `named`. */
  abstract decode(body: Buffer, form: IngestForm, named: boolean): Promise<IngestResult>;
}
