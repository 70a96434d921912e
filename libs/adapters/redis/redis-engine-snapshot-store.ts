import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { KeymeterError } from '#domain/errors.js';
import { type EngineSnapshot, EngineSnapshotStore } from '#ports/engine-snapshot-store.js';
import { LuaScript } from './lua-script.js';
import type { RedisConnection } from './redis-connection.js';

const MEBIBYTE = 1024 * 1024;
const UNCOMMITTED_MS = 3_600_000; // chunks of a save that was cut off go by themselves
const KEPT = 2;
const SAVES = 5; // of others, into the same partition, at the same moment

const headSchema = z.object({
  id: z.string(),
  nextOffset: z.number(),
  length: z.int().min(0),
  chunks: z.int().min(0).max(100_000),
  checksum: z.number(),
});
/** Newest first. */
const headsSchema = z.array(headSchema);
type Head = z.infer<typeof headSchema>;

export interface SnapshotSizes {
  /** A Redis command holds up all others for as long as its bytes take. */
  readonly chunkBytes: number;
  readonly maxBytes: number;
}

/** KEYS: heads, chunks that stay, chunks that go. ARGV: heads as they were, as they shall be, number that stay. */
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
 * Snapshots in chunks of their own names, and the list of the latest two, changed last and in one step: a save that is
 * cut off, or one by an owner who does not know that he no longer is, leaves whole snapshots only.
 */
export class RedisEngineSnapshotStore extends EngineSnapshotStore {
  /** Found damaged, or gone, by a load: the next save drops them, not the good one before. */
  readonly #damaged = new Set<string>();

  constructor(
    private readonly connection: RedisConnection,
    private readonly name = 'snapshots',
    private readonly sizes: SnapshotSizes = { chunkBytes: MEBIBYTE, maxBytes: 256 * MEBIBYTE },
  ) {
    super();
  }

  /** Throws STORE_REFUSED for a snapshot above the limit. */
  async save(partition: number, snapshot: EngineSnapshot): Promise<void> {
    const head = await this.#stored(partition, snapshot);
    for (let n = 0; n < SAVES; n++) if (await this.#commit(partition, head)) return;
    throw new KeymeterError('STORE_UNAVAILABLE', 'The snapshot is being replaced by others.', { retryable: true });
  }

  async saveFirst(partition: number, snapshot: EngineSnapshot): Promise<boolean> {
    if ((await this.#heads(partition)) !== '') return false;
    return this.#commit(partition, await this.#stored(partition, snapshot), true);
  }

  /** Its chunks, which nobody finds before they are committed. */
  async #stored(partition: number, { nextOffset, bytes }: EngineSnapshot): Promise<Head> {
    if (bytes.length > this.sizes.maxBytes) {
      const limit = this.sizes.maxBytes / MEBIBYTE;
      throw new KeymeterError('STORE_REFUSED', `The engine's state is larger than ${limit} MiB.`);
    }
    const chunks = Math.ceil(bytes.length / this.sizes.chunkBytes);
    const checksum = checksumOf(nextOffset, bytes);
    const head: Head = { id: randomUUID(), nextOffset, length: bytes.length, chunks, checksum };
    await this.#write(partition, head, bytes);
    return head;
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
      const bytes = await this.#read(partition, head);
      if (bytes) return { nextOffset: head.nextOffset, bytes };
      this.#damaged.add(head.id);
    }
    return undefined;
  }

  /** False when another save came between. */
  async #commit(partition: number, head: Head, isFirst = false): Promise<boolean> {
    const before = isFirst ? '' : await this.#heads(partition);
    const known = parseHeads(before);
    const kept = known.filter(({ id }) => !this.#damaged.has(id)).slice(0, KEPT - 1);
    const dropped = known.filter((it) => !kept.includes(it));
    const stay = this.#chunkKeys(partition, head);
    const keys = [this.#key(partition, 'heads'), ...stay, ...dropped.flatMap((it) => this.#chunkKeys(partition, it))];
    const args = [before, JSON.stringify([head, ...kept]), stay.length];
    const result = await this.connection.run((client) => COMMIT.run(client, keys, args));
    if (result === 'gone') throw new KeymeterError('STORE_UNAVAILABLE', 'A save took too long.', { retryable: true });
    if (result === 'saved') for (const { id } of dropped) this.#damaged.delete(id);
    return result === 'saved';
  }

  async #write(partition: number, head: Head, bytes: Uint8Array): Promise<void> {
    const { chunkBytes } = this.sizes;
    for (const [i, key] of this.#chunkKeys(partition, head).entries()) {
      const chunk = Buffer.from(bytes.subarray(i * chunkBytes, (i + 1) * chunkBytes));
      await this.connection.run((client) => client.set(key, chunk, 'PX', UNCOMMITTED_MS));
    }
  }

  /** Undefined when it is not whole. */
  async #read(partition: number, head: Head): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    for (const key of this.#chunkKeys(partition, head)) {
      const part = await this.connection.run((client) => client.getBuffer(key));
      if (part === null) return undefined;
      parts.push(part);
    }
    const bytes = Buffer.concat(parts);
    return bytes.length === head.length && checksumOf(head.nextOffset, bytes) === head.checksum ? bytes : undefined;
  }

  async #heads(partition: number): Promise<string> {
    return (await this.connection.run((client) => client.get(this.#key(partition, 'heads')))) ?? '';
  }

  #chunkKeys(partition: number, { id, chunks }: Head): string[] {
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

function checksumOf(nextOffset: number, bytes: Uint8Array): number {
  return crc32(bytes, crc32(String(nextOffset))) >>> 0;
}
