/** From the bytes of an ingest request to one encoded frame, or to everything that is wrong with it. Pure. */
import { encodeFrame } from '../log/frame.js';
import { readCloudEvent, type TimeBounds } from './cloud-event.js';
import { encodeRow } from './usage-row.js';

export interface IngestLimits {
  readonly maxEvents: number;
  /** Of one event's row, bytes; below what one record of the log can hold. */
  readonly maxEventBytes: number;
}

export interface IngestFault {
  /** Position in the batch; 0 for a single event. */
  readonly index: number;
  readonly field: string;
  readonly message: string;
}

export type IngestForm = 'single' | 'batch' | 'either';

export interface EventName {
  readonly source: string;
  readonly id: string;
}

export type IngestResult =
  | { readonly kind: 'frame'; readonly frame: Buffer; readonly count: number; readonly names?: EventName[] }
  | { readonly kind: 'empty' }
  | { readonly kind: 'invalid'; readonly detail: string; readonly faults: IngestFault[] }
  | { readonly kind: 'too-large'; readonly detail: string };

const MAX_FAULTS = 100;

/** `named`: with the names of the events, which cost as much as moving them to another thread. */
export function readIngestBody(
  body: Buffer,
  form: IngestForm,
  now: number,
  bounds: TimeBounds,
  limits: IngestLimits,
  named = false,
): IngestResult {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return invalid('the body is no JSON');
  }
  if (form === 'single' && Array.isArray(parsed))
    return invalid('one event is expected; send several as application/cloudevents-batch+json');
  if (form === 'batch' && !Array.isArray(parsed)) return invalid('an array of events is expected');
  const events = Array.isArray(parsed) ? parsed : [parsed];
  if (events.length === 0)
    return form === 'batch' ? { kind: 'empty' } : invalid('an event or a non-empty array of events is expected');
  if (events.length > limits.maxEvents) {
    return { kind: 'too-large', detail: `a batch may hold ${limits.maxEvents} events; this one has ${events.length}` };
  }
  const names: EventName[] | undefined = named ? [] : undefined;
  return encodeEvents(events, now, bounds, limits, names);
}

function encodeEvents(
  events: readonly unknown[],
  now: number,
  bounds: TimeBounds,
  limits: IngestLimits,
  names: EventName[] | undefined,
): IngestResult {
  const faults: IngestFault[] = [];
  let rows = '';
  for (let index = 0; index < events.length; index++) {
    const read = readCloudEvent(events[index], now, bounds);
    if (Array.isArray(read)) {
      for (const fault of read) if (faults.length < MAX_FAULTS) faults.push({ index, ...fault });
      continue;
    }
    const { event, dataText } = read;
    const row = encodeRow(event, { dataText });
    if (row.length > limits.maxEventBytes / 3 && Buffer.byteLength(row) > limits.maxEventBytes) {
      return {
        kind: 'too-large',
        detail: `an event may have ${limits.maxEventBytes} bytes; event ${index} has ${Buffer.byteLength(row)}`,
      };
    }
    names?.push({ source: event.source, id: event.id });
    rows += `${row}\n`;
  }
  if (faults.length > 0) return { kind: 'invalid', detail: describe(faults), faults };
  return { kind: 'frame', frame: encodeFrame(rows, events.length, now), count: events.length, names };
}

function describe(faults: readonly IngestFault[]): string {
  const [first] = faults as [IngestFault];
  const where = first.field === '' ? `event [${first.index}]` : `${first.field} of event [${first.index}]`;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  return `${where} ${first.message}${more}`;
}

function invalid(detail: string): IngestResult {
  return { kind: 'invalid', detail, faults: [] };
}
