import type { SpoolRecord } from '#domain/keys/directory-record.js';
import { type RedisKeyDirectory, untilDone } from './redis-key-directory.js';
import type { RedisKeyWriter } from './redis-key-writer.js';

/**
 * Nodes whose spool may hold what is not in the log of events, known to the log of keys too: also a node that is dead
 * when Redis is filled again has granted something. All throw STORE_UNAVAILABLE and LOG_UNAVAILABLE (retryable).
 */
export class RedisSpools {
  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly writer: RedisKeyWriter,
  ) {}

  /** Before the node grants anything. A repeat keeps when it was first said. */
  opened(nodeId: string, now: number): Promise<void> {
    const spool: SpoolRecord = { id: nodeId, openedAt: now };
    return untilDone(async () => {
      const { done } = await this.writer.write([
        ['no', 'spools', nodeId],
        ['set', 'spools', nodeId, JSON.stringify(spool)],
      ]);
      if (!done) await this.writer.settled('spool', nodeId);
    });
  }

  /** Everything is in the log of events and nothing more comes, or nobody waits for it any more. */
  async closed(nodeIds: readonly string[]): Promise<void> {
    if (nodeIds.length > 0) await this.writer.write(nodeIds.map((id) => ['del', 'spools', id] as const));
  }

  async nodes(): Promise<string[]> {
    return (await this.directory.values('spools')).map((text) => (JSON.parse(text) as SpoolRecord).id);
  }
}
