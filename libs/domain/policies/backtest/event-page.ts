/**
 * Stored events as a page of bytes, the way a usage store hands them over: ClickHouse's RowBinary (integers little endian,
 * texts led by their length as LEB128) of offset, index, acceptance, time, type, source, subject, id, data. Texts are
 * read when somebody asks for them: most policies look at a few fields of an event.
 * Source of the format: ClickHouse documentation, "RowBinary".
 */

import { jsonField, NOT_SIMPLE } from '../../events/json-field.js';
import type { PlacedEvent } from '../../events/usage-event.js';
import type { JsonObject } from '../../json.js';

/** UInt64, UInt32, Int64, Int64. */
const NUMBERS_BYTES = 28;
const HIGH_WORD = 2 ** 32;

/** Of one event that many fields are asked of, parsing it is cheaper than looking for each. */
const FIELDS_ONE_BY_ONE = 3;
const INHERITED = Object.prototype;

/** What is known of the data of the event that was asked last: kept for all, it would outlive every young collection. */
class LastData {
  #of: StoredEvent | undefined;
  #data: JsonObject | null | undefined;
  #asked = 0;
  readonly #names = new Map<string, Buffer>();

  constructor(readonly page: Buffer) {}

  at(event: StoredEvent, from: number, to: number): JsonObject | null {
    this.#turnTo(event);
    if (this.#data === undefined) {
      this.#data = from === to ? null : (JSON.parse(this.page.toString('utf8', from, to)) as JsonObject);
    }
    return this.#data;
  }

  field(event: StoredEvent, from: number, to: number, name: string): unknown {
    this.#turnTo(event);
    if (this.#data === undefined && from < to && this.#asked++ < FIELDS_ONE_BY_ONE && !(name in INHERITED)) {
      const found = jsonField(this.page, from, to, this.#bytesOf(name));
      if (found !== NOT_SIMPLE) return found;
    }
    return this.at(event, from, to)?.[name];
  }

  #turnTo(event: StoredEvent): void {
    if (this.#of === event) return;
    this.#of = event;
    this.#data = undefined;
    this.#asked = 0;
  }

  #bytesOf(name: string): Buffer {
    let bytes = this.#names.get(name);
    if (bytes === undefined) {
      bytes = Buffer.from(name);
      this.#names.set(name, bytes);
    }
    return bytes;
  }
}

class StoredEvent implements PlacedEvent {
  constructor(
    private readonly last: LastData,
    readonly partition: number,
    readonly offset: number,
    readonly index: number,
    readonly acceptedAt: number,
    readonly time: number,
    readonly type: string,
    readonly source: string,
    private readonly subjectAt: number,
    private readonly idAt: number,
    private readonly dataAt: number,
    private readonly end: number,
  ) {}

  get subject(): string {
    return textAt(this.last.page, this.subjectAt);
  }

  get id(): string {
    return textAt(this.last.page, this.idAt);
  }

  get data(): JsonObject | null {
    return this.last.at(this, this.dataAt, this.end);
  }

  field(name: string): unknown {
    return this.last.field(this, this.dataAt, this.end, name);
  }

  /** Deduplication is over: nothing asks for these. */
  get idHash(): number {
    return 0;
  }

  get fingerprint(): number {
    return 0;
  }
}

/** In the order of the page. Throws RangeError where it ends in the middle of a row. */
export function eventsOfPage(bytes: Uint8Array, partition: number): PlacedEvent[] {
  const page = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const types = new LastText();
  const sources = new LastText();
  const last = new LastData(page);
  const events: PlacedEvent[] = [];
  for (let at = 0; at < page.length; ) {
    const offset = integerAt(view, at);
    const index = view.getUint32(at + 8, true);
    const acceptedAt = integerAt(view, at + 12);
    const time = integerAt(view, at + 20);
    const typeAt = at + NUMBERS_BYTES;
    const sourceAt = endOfText(page, typeAt);
    const subjectAt = endOfText(page, sourceAt);
    const idAt = endOfText(page, subjectAt);
    const dataAt = endOfText(page, idAt);
    const end = endOfText(page, dataAt);
    if (end > page.length) throw new RangeError('a page of events ends in the middle of a row');
    const [type, source] = [types.at(page, typeAt, sourceAt), sources.at(page, sourceAt, subjectAt)];
    const dataStart = startOfText(page, dataAt);
    events.push(
      new StoredEvent(last, partition, offset, index, acceptedAt, time, type, source, subjectAt, idAt, dataStart, end),
    );
    at = end;
  }
  return events;
}

/** Most events have the type and the source of the one before. */
class LastText {
  #from = 0;
  #length = -1;
  #text = '';

  at(page: Buffer, from: number, to: number): string {
    if (this.#isLast(page, from, to)) return this.#text;
    this.#from = from;
    this.#length = to - from;
    this.#text = textAt(page, from);
    return this.#text;
  }

  /** Byte by byte: they are few, and a call of the runtime costs more. */
  #isLast(page: Buffer, from: number, to: number): boolean {
    if (to - from !== this.#length) return false;
    for (let i = 0; i < this.#length; i++) if (page[from + i] !== page[this.#from + i]) return false;
    return true;
  }
}

/** Exact below 2^53, which offsets and times are. */
function integerAt(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getInt32(at + 4, true) * HIGH_WORD;
}

function textAt(page: Buffer, at: number): string {
  return page.toString('utf8', startOfText(page, at), endOfText(page, at));
}

function startOfText(page: Buffer, at: number): number {
  let start = at;
  while ((page[start] as number) >= 0x80) start++;
  return start + 1;
}

function endOfText(page: Buffer, at: number): number {
  let length = 0;
  let next = at;
  for (let shift = 0; ; shift += 7) {
    const byte = page[next++];
    if (byte === undefined) throw new RangeError('a page of events ends in the middle of a row');
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return next + length;
  }
}
