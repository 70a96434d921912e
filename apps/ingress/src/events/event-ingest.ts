/** Takes CloudEvents into the log. A 2xx means: durable. See docs/architecture.md for the hops behind it. */
import { Inject, Injectable } from '@nestjs/common';
import { KeymeterError } from '#domain/errors.js';
import type { Fate } from '#domain/events/deduplication.js';
import type { EventName, IngestResult } from '#domain/events/ingest-body.js';
import { INGEST_MEDIA_TYPES, ingestForm } from '#domain/events/media-type.js';
import { type EventPosition, formatPositions, type Position } from '#domain/log/position.js';
import { EventFates, type FateCounts } from '#ports/event-fates.js';
import { EventLogWriter } from '#ports/event-log.js';
import { RowFates } from '#ports/row-fates.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { FATES_TIMEOUT_MS, outcomePath, rowOutcomePath } from '#runtime/http/row-outcome-route.js';
import { UsageRecorder } from '#stream/usage-recorder.js';
import { IngestDecoder } from './ingest-decoder.js';

export interface Ingested {
  /** Where to wait for: everything of the request is counted once the log is consumed up to here. Absent while the log is away. */
  readonly position: string | undefined;
  readonly count: number;
  readonly frame: Position;
  /** Where to ask what became of the events; absent while the log is away. */
  readonly outcome: string | undefined;
  /** In a cluster, where each event stands. */
  readonly rows: readonly EventPosition[] | undefined;
  /** Of the events in their order, where they were asked for. */
  readonly names: readonly EventName[];
}

@Injectable()
export class EventIngest {
  constructor(
    @Inject(IngestDecoder) private readonly decoder: IngestDecoder,
    @Inject(UsageRecorder) private readonly recorder: UsageRecorder,
    @Inject(EventLogWriter) private readonly log: EventLogWriter,
    @Inject(EventFates) private readonly fates: EventFates,
    @Inject(RowFates) private readonly rowFates: RowFates,
  ) {}

  /** Undefined for an empty batch. Throws HttpProblem for what is refused, KeymeterError while the log is away. */
  async ingest(body: Buffer, contentType: string | undefined, named: boolean): Promise<Ingested | undefined> {
    const form = ingestForm(contentType);
    if (!form) {
      const detail = `Content-Type must be one of ${INGEST_MEDIA_TYPES.join(', ')}.`;
      throw new HttpProblem(415, 'application/unsupported_media_type', detail);
    }
    const refusal = this.log.refusal();
    if (refusal) throw unavailable(refusal);
    const result = await this.decoder.decode(body, form, named);
    if (result.kind === 'empty') return undefined;
    if (result.kind !== 'frame') throw refused(result);
    const frame = await this.recorder.appendFrame(result.frame);
    const arrived = await this.recorder.inLog(frame);
    const position = arrived && formatPositions([...arrived.positions].sort((a, b) => a.partition - b.partition));
    const rows = arrived?.rows;
    const outcome = rows ? rowOutcomePath(rows) : arrived && outcomePath(frame);
    return { position, count: result.count, frame, outcome, rows, names: result.names ?? [] };
  }

  /** Fates by index. What is not decided in time is durable all the same and reported as accepted. */
  async fatesOf({ frame, count, rows }: Ingested): Promise<readonly (Fate | 'undecodable')[]> {
    if (rows === undefined) return (await this.fates.of(frame, count, FATES_TIMEOUT_MS)) ?? acceptedAll(count);
    // The events are durable: a store that cannot say what became of them is no reason to refuse them.
    const fates = await this.rowFates.of(rows, FATES_TIMEOUT_MS).catch(unlessPassing);
    return typeof fates === 'string' ? acceptedAll(count) : fates;
  }

  /** Waits up to `waitMs`, and never longer than a sender of fates does. 'unknown' also for what was never written here. */
  async countsOf(frame: Position, waitMs = FATES_TIMEOUT_MS): Promise<FateCounts | 'undecided' | 'unknown'> {
    const { partition, offset } = frame;
    if (partition >= this.log.partitions || offset >= this.log.highWatermark(partition)) return 'unknown';
    return this.fates.counts(frame, Math.min(waitMs, FATES_TIMEOUT_MS));
  }
}

function acceptedAll(count: number): 'accepted'[] {
  return new Array(count).fill('accepted');
}

function unlessPassing(error: unknown): 'undecided' {
  if (error instanceof KeymeterError && error.retryable) return 'undecided';
  throw error;
}

function unavailable({ code, detail }: NonNullable<ReturnType<EventLogWriter['refusal']>>): HttpProblem {
  const text = `${detail} Nothing of this request was stored; repeat it later.`;
  return new HttpProblem(503, `keymeter/${code.toLowerCase()}`, text, { headers: { 'Retry-After': '2' } });
}

function refused(result: Exclude<IngestResult, { kind: 'frame' | 'empty' }>): HttpProblem {
  if (result.kind === 'too-large') return new HttpProblem(413, 'application/too_large', result.detail);
  const errors = result.faults.map(({ index, field, message }) => ({
    location: `/${index}${field === '' ? '' : `/${field}`}`,
    message: `${field || 'event'} ${message}`,
    index,
    field,
  }));
  return new HttpProblem(400, 'application/invalid_input', `validation error: ${result.detail}`, { errors });
}
