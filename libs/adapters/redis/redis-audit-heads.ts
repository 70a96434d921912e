import { z } from 'zod';
import { AuditHeads, type NotedHead } from '#ports/audit-trail.js';
import type { RedisConnection } from './redis-connection.js';

const headSchema = z.object({ sequence: z.int().min(0), link: z.string(), linkedBelow: z.int().min(0) });

/** One text per partition, under the id of the log. Lost with Redis: the chain itself is in the usage store. */
export class RedisAuditHeads extends AuditHeads {
  constructor(
    private readonly connection: RedisConnection,
    private readonly logId: string,
  ) {
    super();
  }

  async save(partition: number, head: NotedHead): Promise<void> {
    await this.connection.run((client) => client.set(this.#key(partition), JSON.stringify(head)));
  }

  async load(partition: number): Promise<NotedHead | undefined> {
    const text = await this.connection.run((client) => client.get(this.#key(partition)));
    return text === null ? undefined : headSchema.parse(JSON.parse(text));
  }

  #key(partition: number): string {
    return `{audit:${this.logId}:${partition}}:head`;
  }
}
