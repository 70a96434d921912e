import { crc32 } from 'node:zlib';
import type { Database, RootDatabase } from 'lmdb';
import { type EngineSnapshot, EngineSnapshotStore } from '#ports/engine-snapshot-store.js';
import { commit } from './commit.js';

/** Sequence number and next offset as float64, CRC-32 of everything behind it as uint32; then the bytes. */
const HEADER_BYTES = 20;
const SLOTS = [0, 1] as const;

interface Stored extends EngineSnapshot {
  readonly sequence: number;
}

/** Two slots per partition, written in turn: a write torn or damaged leaves the other one. */
export class LmdbEngineSnapshotStore extends EngineSnapshotStore {
  readonly #slots: Database<Buffer, [number, number]>;

  constructor(private readonly root: RootDatabase) {
    super();
    this.#slots = root.openDB({ name: 'engine_snapshots', encoding: 'binary' });
  }

  async save(partition: number, snapshot: EngineSnapshot): Promise<void> {
    const sequences = SLOTS.map((slot) => this.#read(partition, slot)?.sequence ?? 0);
    const [first = 0, second = 0] = sequences;
    const value = encode({ ...snapshot, sequence: Math.max(first, second) + 1 });
    await commit(this.root, () => this.#slots.put([partition, first <= second ? 0 : 1], value));
  }

  async saveFirst(partition: number, snapshot: EngineSnapshot): Promise<boolean> {
    const value = encode({ ...snapshot, sequence: 1 });
    let isFirst = false;
    await commit(this.root, () => {
      isFirst = SLOTS.every((slot) => this.#slots.get([partition, slot]) === undefined);
      if (isFirst) this.#slots.put([partition, 0], value);
    });
    return isFirst;
  }

  async load(partition: number): Promise<EngineSnapshot | undefined> {
    const stored = SLOTS.map((slot) => this.#read(partition, slot)).filter((it) => it !== undefined);
    const newest = stored.sort((a, b) => b.sequence - a.sequence)[0];
    return newest && { nextOffset: newest.nextOffset, bytes: newest.bytes };
  }

  /** A damaged slot counts as empty, and is the next to be written. */
  #read(partition: number, slot: number): Stored | undefined {
    const value = this.#slots.get([partition, slot]);
    if (value === undefined || value.length < HEADER_BYTES) return undefined;
    if (checksum(value) !== value.readUInt32LE(16)) return undefined;
    return {
      sequence: value.readDoubleLE(0),
      nextOffset: value.readDoubleLE(8),
      bytes: value.subarray(HEADER_BYTES),
    };
  }
}

function encode({ sequence, nextOffset, bytes }: Stored): Buffer {
  const value = Buffer.allocUnsafe(HEADER_BYTES + bytes.length);
  value.writeDoubleLE(sequence, 0);
  value.writeDoubleLE(nextOffset, 8);
  value.set(bytes, HEADER_BYTES);
  value.writeUInt32LE(checksum(value), 16);
  return value;
}

function checksum(value: Buffer): number {
  return crc32(value.subarray(HEADER_BYTES), crc32(value.subarray(0, 16))) >>> 0;
}
