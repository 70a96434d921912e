/**
 * From the bytes of a dead letter, or of its correction, to rows that can be counted. They keep source and id and carry
 * a hash of them, so that they count once, however often they are sent. Pure.
 */
import { decodeFrame } from '../log/frame.js';
import type { TimeBounds } from './cloud-event.js';
import { identityHash } from './hash53.js';
import { type EventName, type IngestLimits, readIngestBody } from './ingest-body.js';
import { isOwnType } from './usage-event.js';
import { decodeRow, encodeRow } from './usage-row.js';

export interface ReplayRows {
  readonly ok: true;
  /** Each ended by a newline. */
  readonly rows: string;
  readonly names: readonly EventName[];
}

export type Replay = ReplayRows | { readonly ok: false; readonly reason: string };

export interface ReplayRules {
  readonly now: number;
  readonly bounds: TimeBounds;
  readonly limits: IngestLimits;
}

/** As a whole record, as one row of a record, or as events that somebody wrote past ingest: whichever can be read. */
export function readLetter(bytes: Buffer, rules: ReplayRules): Replay {
  const frame = decodeFrame(bytes);
  if (frame.ok) return encodeRows(frame.frame.rows);
  const row = encodeRows([bytes.toString('utf8').trimEnd()]);
  if (row.ok) return row;
  const events = readCorrection(bytes, rules);
  return events.ok ? events : { ok: false, reason: `${frame.reason}; ${row.reason}; ${events.reason}` };
}

/** CloudEvents, one or a batch, under the rules of ingest. */
export function readCorrection(body: Buffer, { now, bounds, limits }: ReplayRules): Replay {
  const read = readIngestBody(body, 'either', now, bounds, limits, true);
  if (read.kind === 'empty') return { ok: false, reason: 'there is no event in it' };
  if (read.kind !== 'frame') return { ok: false, reason: read.detail };
  const frame = decodeFrame(read.frame);
  return frame.ok ? encodeRows(frame.frame.rows) : frame;
}

/** What verifications took from counters was never taken for a record that could not be read: it is left out. */
function encodeRows(lines: readonly string[]): Replay {
  const names: EventName[] = [];
  let rows = '';
  for (const line of lines) {
    const decoded = decodeRow(line);
    if (!decoded.ok) return decoded;
    const { source, id, type } = decoded.event;
    // It would act a second time, or too late.
    if (isOwnType(type)) return { ok: false, reason: `it holds ${type}, which keymeter alone writes` };
    names.push({ source, id });
    rows += `${encodeRow({ ...decoded.event, idHash: identityHash(source, id) })}\n`;
  }
  if (names.length === 0) return { ok: false, reason: 'there is no event in it' };
  return { ok: true, rows, names };
}
