/**
 * Names lines of a file so that the name holds for every copy of it: `L<number>-<hash of all lines up to this one>`.
 * A file cut short, grown, compressed or rotated keeps the names of the lines it had, identical lines differ by what
 * precedes them, and two files share names exactly as far as they are the same from their first line on.
 */
export interface ChainState {
  line: number;
  high: number;
  low: number;
}

export class LineChain {
  #line: number;
  #high: number;
  #low: number;

  constructor(from: ChainState = { line: 0, high: 0x9e3779b9, low: 0x243f6a88 }) {
    this.#line = from.line;
    this.#high = from.high;
    this.#low = from.low;
  }

  /**
   * `length` is the full length of the line where `bytes` holds only its beginning. Two multiply-xorshift lanes of
   * 32 bits (finalizer constants of MurmurHash3, public domain): 64 bits meet by accident only, and a meeting
   * needs the same line number too.
   */
  add(bytes: Uint8Array, length = bytes.length): void {
    let high = this.#high ^ length;
    let low = this.#low ^ length;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] as number;
      high = Math.imul(high ^ byte, 0x85ebca6b);
      low = Math.imul(low ^ byte, 0xc2b2ae35);
      low ^= low >>> 15;
    }
    high = Math.imul(high ^ (high >>> 16), 0xc2b2ae35) ^ low;
    low = Math.imul(low ^ (low >>> 13), 0x85ebca6b) ^ (high >>> 16);
    this.#high = high >>> 0;
    this.#low = low >>> 0;
    this.#line++;
  }

  get line(): number {
    return this.#line;
  }

  get id(): string {
    return `L${this.#line}-${hex(this.#high)}${hex(this.#low)}`;
  }

  get state(): ChainState {
    return { line: this.#line, high: this.#high, low: this.#low };
  }
}

export function sameChain(a: ChainState, b: ChainState): boolean {
  return a.line === b.line && a.high === b.high && a.low === b.low;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function hex(word: number): string {
  return `${HEX[word >>> 24]}${HEX[(word >>> 16) & 255]}${HEX[(word >>> 8) & 255]}${HEX[word & 255]}`;
}
