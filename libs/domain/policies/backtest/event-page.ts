/**
 * Stored events as a page of bytes, the way a usage store hands them over: rows in RowBinary of offset, index, acceptance,
 * time, type, source, the text columns that were asked for, and data. Data is empty where it was not asked for, unless the
 * event is one of keymeter's own. Texts are read when somebody asks for them, and an event is made when its turn comes, so
 * that it dies young.
 */
import { jsonField, NOT_SIMPLE } from '../../events/json-field.js';
import { DIMENSION_FIELDS, isOwnType, type PlacedEvent } from '../../events/usage-event.js';
import { scalarText } from '../../events/usage-row.js';
import type { JsonObject } from '../../json.js';
import { endOfText, integerAt, LastText, startOfText } from './row-binary.js';
import { type StoredColumn, textColumns, WHOLE_EVENT } from './stored-columns.js';

/** UInt64, UInt32, Int64, Int64. */
const NUMBERS_BYTES = 28;

/** Of one event that many fields are asked of, parsing it is cheaper than looking for each. */
const FIELDS_ONE_BY_ONE = 3;
const INHERITED = Object.prototype;

export class EventPage {
  /** Of the rows. */
  readonly #starts: number[] = [];
  readonly #rows: RowTexts;
  readonly #view: DataView;
  #length: number;

  /** Throws RangeError where the bytes end in the middle of a row. */
  constructor(
    bytes: Uint8Array,
    private readonly partition: number,
    columns: readonly StoredColumn[] = WHOLE_EVENT,
  ) {
    const page = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#rows = new RowTexts(page, columns);
    for (let at = 0; at < page.length; ) {
      this.#starts.push(at);
      at = this.#rows.endOfRow(at + NUMBERS_BYTES);
      if (at > page.length) throw new RangeError('a page of events ends in the middle of a row');
    }
    this.#length = this.#starts.length;
  }

  get length(): number {
    return this.#length;
  }

  /** Of the last event. */
  get lastOffset(): number {
    return integerAt(this.#view, this.#starts[this.#length - 1] as number);
  }

  /** Events of the last offset may be cut off: they are left out. */
  dropLastRecord(): void {
    const { lastOffset } = this;
    while (this.#length > 0 && this.lastOffset === lastOffset) this.#length--;
  }

  /** In the order of the page. */
  at(index: number): PlacedEvent {
    const view = this.#view;
    const at = this.#starts[index] as number;
    return new StoredEvent(
      this.#rows,
      this.partition,
      integerAt(view, at),
      view.getUint32(at + 8, true),
      integerAt(view, at + 12),
      integerAt(view, at + 20),
      at + NUMBERS_BYTES,
    );
  }
}

class StoredEvent implements PlacedEvent {
  readonly type: string;
  readonly source: string;

  constructor(
    private readonly rows: RowTexts,
    readonly partition: number,
    readonly offset: number,
    readonly index: number,
    readonly acceptedAt: number,
    readonly time: number,
    /** Where the texts of its row begin. */
    private readonly textsAt: number,
  ) {
    this.type = rows.text(textsAt, TYPE);
    this.source = rows.text(textsAt, SOURCE);
  }

  get subject(): string {
    return this.rows.column(this.textsAt, 'subject') ?? notAsked('subject');
  }

  get id(): string {
    return this.rows.column(this.textsAt, 'id') ?? notAsked('id');
  }

  get data(): JsonObject | null {
    return this.rows.data(this.textsAt, this.type);
  }

  field(name: string): unknown {
    return this.rows.field(this.textsAt, this.type, name);
  }

  dimension(field: string): string {
    return this.rows.column(this.textsAt, field) ?? scalarText(this.field(field));
  }

  /** Deduplication is over: nothing asks for these. */
  get idHash(): number {
    return 0;
  }

  get fingerprint(): number {
    return 0;
  }
}

const TYPE = 0;
const SOURCE = 1;
const ALWAYS = ['type', 'source'];
const FIELDS: Readonly<Record<string, string>> = DIMENSION_FIELDS;

/** The texts of the rows of a page. What is known of the data of one event is kept until another one is asked. */
class RowTexts {
  readonly #hasData: boolean;
  readonly #columns: readonly LastText[];
  /** By the name of a column, or of the field of the event that it holds. */
  readonly #places = new Map<string, number>();
  readonly #names = new Map<string, Buffer>();
  #of = -1;
  #data: JsonObject | null | undefined;
  #dataFrom = 0;
  #dataTo = 0;
  #asked = 0;

  constructor(
    private readonly page: Buffer,
    columns: readonly StoredColumn[],
  ) {
    this.#hasData = columns.includes('data');
    const names = [...ALWAYS, ...textColumns(columns)];
    this.#columns = names.map(() => new LastText(page));
    for (const [place, name] of names.entries()) this.#places.set(FIELDS[name] ?? name, place);
  }

  endOfRow(textsAt: number): number {
    let at = textsAt;
    for (let left = this.#columns.length; left >= 0; left--) at = endOfText(this.page, at);
    return at;
  }

  text(textsAt: number, place: number): string {
    return (this.#columns[place] as LastText).at(this.#startOf(textsAt, place));
  }

  /** By its name, or that of the field that it holds; undefined where the page has no such column. */
  column(textsAt: number, name: string): string | undefined {
    const place = this.#places.get(name);
    return place === undefined ? undefined : this.text(textsAt, place);
  }

  data(textsAt: number, type: string): JsonObject | null {
    this.#turnTo(textsAt, type);
    if (this.#data === undefined) {
      const [from, to] = [this.#dataFrom, this.#dataTo];
      this.#data = from === to ? null : (JSON.parse(this.page.toString('utf8', from, to)) as JsonObject);
    }
    return this.#data;
  }

  field(textsAt: number, type: string, name: string): unknown {
    this.#turnTo(textsAt, type);
    const [from, to] = [this.#dataFrom, this.#dataTo];
    if (this.#data === undefined && from < to && this.#asked++ < FIELDS_ONE_BY_ONE && !(name in INHERITED)) {
      const found = jsonField(this.page, from, to, this.#bytesOf(name));
      if (found !== NOT_SIMPLE) return found;
    }
    return this.data(textsAt, type)?.[name];
  }

  #turnTo(textsAt: number, type: string): void {
    if (this.#of === textsAt) return;
    if (!this.#hasData && !isOwnType(type)) notAsked('data');
    const at = this.#startOf(textsAt, this.#columns.length);
    this.#of = textsAt;
    this.#data = undefined;
    this.#dataFrom = startOfText(this.page, at);
    this.#dataTo = endOfText(this.page, at);
    this.#asked = 0;
  }

  #startOf(textsAt: number, place: number): number {
    let at = textsAt;
    for (let left = place; left > 0; left--) at = endOfText(this.page, at);
    return at;
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

function notAsked(what: StoredColumn): never {
  throw new TypeError(`the ${what} of stored events was not asked for`);
}
