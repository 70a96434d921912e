import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { KeymeterError } from '#domain/errors.js';
import {
  type EngineSnapshot,
  EngineSnapshotStore,
  type SnapshotPart,
  type StoredPart,
} from '#ports/engine-snapshot-store.js';
import { LuaScript } from './lua-script.js';
import type { RedisConnection } from './redis-connection.js';

const MEBIBYTE = 1024 * 1024;
const UNCOMMITTED_MS = 3_600_000; // chunks of a save that was cut off go by themselves
const KEPT = 2;
const SAVES = 5; // of others, into the same partition, at the same moment

const partSchema = z.object({
  id: z.string(),
  length: z.int().min(0),
  chunks: z.int().min(0).max(100_000),
  checksum: z.number(),
});
const headSchema = z.object({ nextOffset: z.number(), parts: z.array(partSchema).min(1) });
/** Newest first. */
const headsSchema = z.array(headSchema);
type Part = z.infer<typeof partSchema>;
type Head = z.infer<typeof headSchema>;

export interface SnapshotSizes {
  /** A Redis command holds up all others for as long as its bytes take. */
  readonly chunkBytes: number;
  /** Of a part. */
  readonly maxBytes: number;
}

/**
 * KEYS: heads, chunks that stay (all of the new part, the first of each that it follows), chunks that go. ARGV: heads as
 * they were, as they shall be, number that stay.
 */
const COMMIT = new LuaScript(`
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'changed' end
local stay = tonumber(ARGV[3])
for i = 2, stay + 1 do
  if redis.call('EXISTS', KEYS[i]) == 0 then return 'gone' end
end
for i = 2, stay + 1 do redis.call('PERSIST', KEYS[i]) end
redis.call('SET', KEYS[1], ARGV[2])
for i = stay + 2, #KEYS do redis.call('UNLINK', KEYS[i]) end
return 'saved'
`);

/**
 * Parts in chunks of their own names, and the list of the latest two states, changed last and in one step: a save that is
 * cut off, or one by an owner who does not know that he no longer is, leaves whole states only.
 */
export class RedisEngineSnapshotStore extends EngineSnapshotStore {
  /** Newest parts of states that a load found damaged, or gone: the next save drops them, not the good one before. */
  readonly #damaged = new Set<string>();

  constructor(
    private readonly connection: RedisConnection,
    private readonly name = 'snapshots',
    private readonly sizes: SnapshotSizes = { chunkBytes: MEBIBYTE, maxBytes: 1024 * MEBIBYTE },
  ) {
    super();
  }

  /** Throws STORE_REFUSED for a part above the limit. */
  async save(partition: number, { nextOffset, bytes, follows = [] }: SnapshotPart): Promise<string | undefined> {
    if (foundIn(parseHeads(await this.#heads(partition)), follows) === undefined) return undefined;
    const part = await this.#stored(partition, bytes);
    for (let n = 0; n < SAVES; n++) {
      const heads = await this.#heads(partition);
      const before = foundIn(parseHeads(heads), follows);
      if (before === undefined) return undefined;
      if (await this.#commit(partition, heads, { nextOffset, parts: [...before, part] })) return part.id;
    }
    throw new KeymeterError('STORE_UNAVAILABLE', 'The snapshot is being replaced by others.', { retryable: true });
  }

  async saveFirst(partition: number, { nextOffset, bytes }: Omit<SnapshotPart, 'follows'>): Promise<boolean> {
    if ((await this.#heads(partition)) !== '') return false;
    return this.#commit(partition, '', { nextOffset, parts: [await this.#stored(partition, bytes)] });
  }

  /** Its chunks, which nobody finds before they are committed. */
  async #stored(partition: number, bytes: Uint8Array): Promise<Part> {
    if (bytes.length > this.sizes.maxBytes) {
      const limit = this.sizes.maxBytes / MEBIBYTE;
      throw new KeymeterError('STORE_REFUSED', `The engine's state is larger than ${limit} MiB.`);
    }
    const chunks = Math.ceil(bytes.length / this.sizes.chunkBytes);
    const part: Part = { id: randomUUID(), length: bytes.length, chunks, checksum: crc32(bytes) };
    await this.#write(partition, part, bytes);
    return part;
  }

  async nextOffset(partition: number): Promise<number | undefined> {
    return parseHeads(await this.#heads(partition))[0]?.nextOffset;
  }

  async load(partition: number): Promise<EngineSnapshot | undefined> {
    for (let n = 0; n < SAVES; n++) {
      const heads = await this.#heads(partition);
      const found = await this.#firstWhole(partition, parseHeads(heads));
      if (found || heads === (await this.#heads(partition))) return found;
    }
    throw new KeymeterError('STORE_UNAVAILABLE', 'The snapshot is being replaced by others.', { retryable: true });
  }

  async #firstWhole(partition: number, heads: readonly Head[]): Promise<EngineSnapshot | undefined> {
    for (const head of heads) {
      const parts = await this.#readAll(partition, head);
      if (parts) return { nextOffset: head.nextOffset, parts };
      this.#damaged.add(newestOf(head));
    }
    return undefined;
  }

  async #readAll(partition: number, head: Head): Promise<StoredPart[] | undefined> {
    const read: StoredPart[] = [];
    for (const part of head.parts) {
      const bytes = await this.#read(partition, part);
      if (bytes === undefined) return undefined;
      read.push({ id: part.id, bytes });
    }
    return read;
  }

  /** False when another save came between. */
  async #commit(partition: number, before: string, head: Head): Promise<boolean> {
    const known = parseHeads(before);
    const kept = known.filter((it) => !this.#damaged.has(newestOf(it))).slice(0, KEPT - 1);
    const needed = new Set([head, ...kept].flatMap(({ parts }) => parts.map(({ id }) => id)));
    const all = new Map(known.flatMap(({ parts }) => parts).map((part) => [part.id, part]));
    const gone = [...all.values()].filter(({ id }) => !needed.has(id));
    const stay = head.parts.flatMap((part) => {
      const chunks = this.#chunkKeys(partition, part);
      return all.has(part.id) ? chunks.slice(0, 1) : chunks;
    });
    const keys = [this.#key(partition, 'heads'), ...stay, ...gone.flatMap((part) => this.#chunkKeys(partition, part))];
    const args = [before, JSON.stringify([head, ...kept]), stay.length];
    const result = await this.connection.run((client) => COMMIT.run(client, keys, args));
    if (result === 'gone') throw new KeymeterError('STORE_UNAVAILABLE', 'A save took too long.', { retryable: true });
    if (result === 'saved') for (const { id } of gone) this.#damaged.delete(id);
    return result === 'saved';
  }

  async #write(partition: number, part: Part, bytes: Uint8Array): Promise<void> {
    const { chunkBytes } = this.sizes;
    for (const [i, key] of this.#chunkKeys(partition, part).entries()) {
      const chunk = Buffer.from(bytes.subarray(i * chunkBytes, (i + 1) * chunkBytes));
      await this.connection.run((client) => client.set(key, chunk, 'PX', UNCOMMITTED_MS));
    }
  }

  /** Undefined when it is not whole. */
  async #read(partition: number, part: Part): Promise<Buffer | undefined> {
    const chunks: Buffer[] = [];
    for (const key of this.#chunkKeys(partition, part)) {
      const chunk = await this.connection.run((client) => client.getBuffer(key));
      if (chunk === null) return undefined;
      chunks.push(chunk);
    }
    const bytes = Buffer.concat(chunks);
    return bytes.length === part.length && crc32(bytes) === part.checksum ? bytes : undefined;
  }

  async #heads(partition: number): Promise<string> {
    return (await this.connection.run((client) => client.get(this.#key(partition, 'heads')))) ?? '';
  }

  #chunkKeys(partition: number, { id, chunks }: Part): string[] {
    return Array.from({ length: chunks }, (_, i) => this.#key(partition, `${id}:${i}`));
  }

  /** One slot per partition. */
  #key(partition: number, rest: string): string {
    return `{${this.name}:${partition}}:${rest}`;
  }
}

/** A list that cannot be read is an empty one: the engine then replays the log. */
function parseHeads(text: string): Head[] {
  try {
    return headsSchema.parse(JSON.parse(text));
  } catch {
    return [];
  }
}

/** The parts of these ids; undefined where one is not there any more. */
function foundIn(heads: readonly Head[], ids: readonly string[]): Part[] | undefined {
  const all = new Map(heads.flatMap(({ parts }) => parts).map((part) => [part.id, part]));
  const found = ids.map((id) => all.get(id)).filter((part) => part !== undefined);
  return found.length === ids.length ? found : undefined;
}

function newestOf({ parts }: Head): string {
  return parts.at(-1)?.id ?? '';
}
