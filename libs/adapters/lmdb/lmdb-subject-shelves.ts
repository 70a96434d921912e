import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { type Database, open, type RootDatabase } from 'lmdb';
import { KeymeterError } from '#domain/errors.js';
import type { ShelvedState, SubjectShelf } from '#domain/policies/subject-shelf.js';
import { ignoreRefusedCommits } from './refused-commits.js';

const NAME_BYTES = 16;
const SHELF_BYTES = 4;
/** Decided as uint8, deadAt as float64, bytes of the name as uint16; then the name and the state. */
const VALUE_HEADER = 11;
const PAGE = 1_000;
const EARLIEST = -(2 ** 53);
const SIGN = 2n ** 63n;

/**
 * The shelves of one process in a folder of its own. It is emptied by every start and is written without waiting for the
 * disk: a process that comes back restores its engines from snapshots.
 */
export class LmdbSubjectShelves {
  #root: RootDatabase | undefined;
  #next = 0;

  constructor(private readonly folder: string) {
    rmSync(folder, { recursive: true, force: true });
  }

  readonly make = (): SubjectShelf => new LmdbSubjectShelf(() => this.#opened(), this.#next++);

  async close(): Promise<void> {
    await this.#root?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** With the first subject that there is no room for: most installations never have one. */
  #opened(): RootDatabase {
    if (this.#root) return this.#root;
    ignoreRefusedCommits();
    try {
      mkdirSync(this.folder, { recursive: true });
      this.#root = open({ path: this.folder, maxDbs: 2, noSync: true, encoding: 'binary', keyEncoding: 'binary' });
      return this.#root;
    } catch (cause) {
      throw new KeymeterError('DATA_DIR_UNWRITABLE', `Cannot lay subjects of policies aside in ${this.folder}.`, {
        cause,
      });
    }
  }
}

type Bytes = Database<Buffer, Buffer>;

class LmdbSubjectShelf implements SubjectShelf {
  readonly #number = Buffer.alloc(SHELF_BYTES);
  #opened: { root: RootDatabase; states: Bytes; deaths: Bytes } | undefined;
  /** Keys of states that are written, taken ones among them. */
  #written = 0;
  /** Taken since the last write: what is written of them is of before. */
  readonly #taken = new Set<string>();

  constructor(
    private readonly openRoot: () => RootDatabase,
    number: number,
  ) {
    this.#number.writeUInt32BE(number);
  }

  get size(): number {
    return this.#written - this.#taken.size;
  }

  put(states: readonly ShelvedState[]): void {
    if (states.length === 0) return;
    this.#write(({ states: db, deaths }) => {
      for (const state of states) {
        const key = this.#keyOf(state.name);
        this.#taken.delete(state.name);
        if (!db.doesExist(key)) this.#written++;
        db.putSync(key, encoded(state));
        if (state.deadAt !== Infinity) deaths.putSync(this.#deathKey(state.deadAt, key), Buffer.alloc(0));
      }
    });
  }

  find(name: string): Uint8Array | undefined {
    if (this.size === 0 || this.#taken.has(name)) return undefined;
    const value = this.#dbs().states.getBinary(this.#keyOf(name));
    return value && decoded(value).bytes;
  }

  take(name: string): Uint8Array | undefined {
    const bytes = this.find(name);
    if (bytes) this.#taken.add(name);
    return bytes;
  }

  removeDead(horizon: number): void {
    if (this.#written === 0 || horizon < EARLIEST) return;
    const end = this.#deathKey(horizon + 1, Buffer.alloc(SHELF_BYTES));
    for (;;) {
      const due = [...this.#dbs().deaths.getKeys({ start: this.#number, end, limit: PAGE })];
      if (due.length === 0) return;
      this.#write(({ states, deaths }) => {
        for (const death of due) {
          const key = Buffer.concat([this.#number, death.subarray(-NAME_BYTES)]);
          const value = states.getBinary(key);
          if (value && deadAtOf(value) <= horizon) this.#remove(states, key, decoded(value).name);
          deaths.removeSync(death);
        }
      });
    }
  }

  *entries(afterName?: string): Iterable<ShelvedState> {
    const end = after(this.#number);
    let start: Buffer = afterName === undefined ? this.#number : behind(this.#keyOf(afterName));
    while (this.#written > 0) {
      const page = [...this.#dbs().states.getRange({ start, end, limit: PAGE })].map(({ key, value }) => ({
        key,
        value,
      }));
      for (const { value } of page) {
        const state = decoded(value);
        if (!this.#taken.has(state.name)) yield state;
      }
      const last = page.at(-1);
      if (last === undefined) return;
      start = behind(last.key);
    }
  }

  clear(): void {
    const end = after(this.#number);
    while (this.#written > 0) {
      this.#write((dbs) => {
        let removed = 0;
        for (const db of [dbs.states, dbs.deaths]) {
          const keys = [...db.getKeys({ start: this.#number, end, limit: PAGE })];
          for (const key of keys) db.removeSync(key);
          removed += keys.length;
        }
        if (removed === 0) this.#written = 0;
      });
    }
    this.#taken.clear();
  }

  #remove(states: Bytes, key: Buffer, name: string): void {
    states.removeSync(key);
    this.#taken.delete(name);
    this.#written--;
  }

  /** One transaction, in which what was taken since the last one is removed as well. */
  #write(action: (dbs: { states: Bytes; deaths: Bytes }) => void): void {
    const dbs = this.#dbs();
    try {
      dbs.root.transactionSync(() => {
        action(dbs);
        for (const name of this.#taken) this.#remove(dbs.states, this.#keyOf(name), name);
      });
      dbs.root.resetReadTxn();
    } catch (cause) {
      const detail = 'Subjects of policies cannot be laid aside: is the disk full?';
      throw new KeymeterError('STORE_UNAVAILABLE', detail, { cause });
    }
  }

  #dbs(): { root: RootDatabase; states: Bytes; deaths: Bytes } {
    if (this.#opened) return this.#opened;
    const root = this.openRoot();
    const options = { encoding: 'binary', keyEncoding: 'binary' } as const;
    this.#opened = {
      root,
      states: root.openDB({ name: 'states', ...options }),
      deaths: root.openDB({ name: 'deaths', ...options }),
    };
    return this.#opened;
  }

  /** Names may be longer than a key may be. */
  #keyOf(name: string): Buffer {
    const hash = createHash('sha256').update(name).digest();
    return Buffer.concat([this.#number, hash.subarray(0, NAME_BYTES)]);
  }

  /** In the order of `deadAt`. */
  #deathKey(deadAt: number, key: Buffer): Buffer {
    const death = Buffer.alloc(SHELF_BYTES + 8);
    this.#number.copy(death);
    death.writeBigUInt64BE(BigInt(Math.ceil(Math.max(EARLIEST, deadAt))) + SIGN, SHELF_BYTES);
    return Buffer.concat([death, key.subarray(SHELF_BYTES)]);
  }
}

function encoded({ name, bytes, deadAt, isDecided }: ShelvedState): Buffer {
  const length = Buffer.byteLength(name);
  const value = Buffer.allocUnsafe(VALUE_HEADER + length + bytes.length);
  value.writeUInt8(isDecided ? 1 : 0);
  value.writeDoubleLE(deadAt, 1);
  value.writeUInt16LE(length, 9);
  value.write(name, VALUE_HEADER);
  value.set(bytes, VALUE_HEADER + length);
  return value;
}

function decoded(value: Buffer): ShelvedState {
  const nameEnd = VALUE_HEADER + value.readUInt16LE(9);
  return {
    name: value.toString('utf8', VALUE_HEADER, nameEnd),
    bytes: value.subarray(nameEnd),
    deadAt: deadAtOf(value),
    isDecided: value.readUInt8() === 1,
  };
}

function deadAtOf(value: Buffer): number {
  return value.readDoubleLE(1);
}

function behind(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.alloc(1)]);
}

/** The first key behind all that begin so. */
function after(number: Buffer): Buffer {
  const next = Buffer.from(number);
  next.writeUInt32BE(number.readUInt32BE() + 1);
  return next;
}
