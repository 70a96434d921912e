/**
 * Values of ClickHouse's RowBinary: integers little endian, texts led by their length as LEB128.
 * Source: ClickHouse documentation, "RowBinary".
 */
const HIGH_WORD = 2 ** 32;

/** Int64 or UInt64; exact below 2^53, which offsets and times are. */
export function integerAt(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getInt32(at + 4, true) * HIGH_WORD;
}

export function startOfText(page: Buffer, at: number): number {
  let start = at;
  while ((page[start] as number) >= 0x80) start++;
  return start + 1;
}

/** Behind the text, where the next value begins. Throws RangeError where the length is cut off. */
export function endOfText(page: Buffer, at: number): number {
  let length = 0;
  let next = at;
  for (let shift = 0; ; shift += 7) {
    const byte = page[next++];
    if (byte === undefined) throw new RangeError('a page of events ends in the middle of a row');
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return next + length;
  }
}

/** Texts of one column: most events have the type, the source and the outcome of the one before. */
export class LastText {
  #from = 0;
  #length = -1;
  #text = '';

  constructor(private readonly page: Buffer) {}

  /** The text whose length stands at `at`. */
  at(at: number): string {
    const from = startOfText(this.page, at);
    const to = endOfText(this.page, at);
    if (this.#isLast(from, to)) return this.#text;
    this.#from = from;
    this.#length = to - from;
    this.#text = this.page.toString('utf8', from, to);
    return this.#text;
  }

  /** Byte by byte: they are few, and a call of the runtime costs more. */
  #isLast(from: number, to: number): boolean {
    if (to - from !== this.#length) return false;
    for (let i = 0; i < this.#length; i++) if (this.page[from + i] !== this.page[this.#from + i]) return false;
    return true;
  }
}
