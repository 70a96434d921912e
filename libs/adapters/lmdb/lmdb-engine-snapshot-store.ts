import { crc32 } from 'node:zlib';
import type { Database, RootDatabase } from 'lmdb';
import { type EngineSnapshot, EngineSnapshotStore, type SnapshotPart } from '#ports/engine-snapshot-store.js';
import { commit } from './commit.js';

const SLOTS = [0, 1] as const;

interface StoredPart {
  readonly number: number;
  /** CRC-32 of its bytes. */
  readonly checksum: number;
}

/** What one state is made of. */
interface Head {
  /** Grows with each save. */
  readonly sequence: number;
  readonly nextOffset: number;
  readonly parts: readonly StoredPart[];
}

interface CheckedHead extends Head {
  readonly checksum: number;
}

/** Parts by number, and two heads per partition, written in turn: one torn or damaged leaves the other one. */
export class LmdbEngineSnapshotStore extends EngineSnapshotStore {
  readonly #heads: Database<CheckedHead, [number, number]>;
  readonly #parts: Database<Buffer, [number, number]>;
  /** Sequences of states that a load found damaged: the next save replaces them, not the good one before. */
  readonly #damaged = new Set<number>();

  constructor(private readonly root: RootDatabase) {
    super();
    this.#heads = root.openDB({ name: 'engine_states', encoding: 'json' });
    this.#parts = root.openDB({ name: 'engine_state_parts', encoding: 'binary' });
  }

  async save(partition: number, { nextOffset, bytes, follows = [] }: SnapshotPart): Promise<string | undefined> {
    const known = SLOTS.map((slot) => this.#head(partition, slot));
    const stored = new Map(known.flatMap((head) => head?.parts ?? []).map((part) => [String(part.number), part]));
    const before = follows.map((id) => stored.get(id)).filter((part) => part !== undefined);
    if (before.length < follows.length) return undefined;
    const [first = -1, second = -1] = known.map((head) =>
      head && !this.#damaged.has(head.sequence) ? head.sequence : -1,
    );
    const part = {
      number: 1 + Math.max(0, ...[...stored.values()].map(({ number }) => number)),
      checksum: crc32(bytes),
    };
    const sequence = 1 + Math.max(0, ...known.map((head) => head?.sequence ?? 0));
    const head = { sequence, nextOffset, parts: [...before, part] };
    const slot = first <= second ? 0 : 1;
    const needed = new Set([head, known[1 - slot]].flatMap((it) => it?.parts.map(({ number }) => number) ?? []));
    await commit(this.root, () => {
      this.#parts.put([partition, part.number], Buffer.from(bytes));
      this.#heads.put([partition, slot], { ...head, checksum: checksumOf(head) });
      for (const { number } of stored.values()) if (!needed.has(number)) this.#parts.remove([partition, number]);
    });
    return String(part.number);
  }

  async saveFirst(partition: number, { nextOffset, bytes }: Omit<SnapshotPart, 'follows'>): Promise<boolean> {
    const head = { sequence: 1, nextOffset, parts: [{ number: 1, checksum: crc32(bytes) }] };
    let isFirst = false;
    await commit(this.root, () => {
      isFirst = SLOTS.every((slot) => this.#heads.get([partition, slot]) === undefined);
      if (!isFirst) return;
      this.#parts.put([partition, 1], Buffer.from(bytes));
      this.#heads.put([partition, 0], { ...head, checksum: checksumOf(head) });
    });
    return isFirst;
  }

  async nextOffset(partition: number): Promise<number | undefined> {
    return this.#newestFirst(partition)[0]?.nextOffset;
  }

  async load(partition: number): Promise<EngineSnapshot | undefined> {
    for (const head of this.#newestFirst(partition)) {
      const parts = head.parts.map((part) => this.#read(partition, part)).filter((part) => part !== undefined);
      if (parts.length === head.parts.length) return { nextOffset: head.nextOffset, parts };
      this.#damaged.add(head.sequence);
    }
    return undefined;
  }

  #newestFirst(partition: number): Head[] {
    const heads = SLOTS.map((slot) => this.#head(partition, slot)).filter((head) => head !== undefined);
    return heads.sort((a, b) => b.sequence - a.sequence);
  }

  /** A damaged one counts as none. */
  #head(partition: number, slot: number): Head | undefined {
    const head = this.#heads.get([partition, slot]);
    return head && checksumOf(head) === head.checksum ? head : undefined;
  }

  #read(partition: number, { number, checksum }: StoredPart) {
    const bytes = this.#parts.get([partition, number]);
    return bytes && crc32(bytes) === checksum ? { id: String(number), bytes } : undefined;
  }
}

function checksumOf({ sequence, nextOffset, parts }: Head): number {
  return crc32(JSON.stringify([sequence, nextOffset, parts.map(({ number, checksum }) => [number, checksum])]));
}
