/** Nodes on one real Redis of their own, in one process; all of them end with it. */
import type { LoggerService } from '@nestjs/common';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { RedisConnection } from '#adapters/redis/redis-connection.js';
import { RedisKeyNode, type RedisKeyNodeOptions } from '#adapters/redis/redis-key-node.js';
import type { Clock } from '#ports/clock.js';
import { TestRedis } from './redis-server.js';

/** Events that nodes logged. */
class Lines implements LoggerService {
  readonly events: string[] = [];

  log({ event }: { event: string }): void {
    this.events.push(event);
  }

  warn = this.log;
  error = this.log;
}

export class RedisNodes {
  readonly lines = new Lines();
  #redis: TestRedis | undefined;
  readonly #open = new Map<RedisKeyNode, RedisConnection>();

  constructor(private readonly mode: 'standalone' | 'cluster' = 'standalone') {}

  get redis(): TestRedis {
    if (!this.#redis) throw new Error('not started');
    return this.#redis;
  }

  /** In mode cluster: one master with all slots. `args` are the server's, of mode standalone. */
  async start(args: readonly string[] = []): Promise<void> {
    this.#redis = await (this.mode === 'cluster' ? TestRedis.startCluster() : TestRedis.start(args));
  }

  async open(
    changes: Partial<RedisKeyNodeOptions> = {},
    clock: Clock = new SystemClock(),
    port = this.redis.port,
  ): Promise<RedisKeyNode> {
    const nodeId = changes.nodeId ?? `node-${this.#open.size}`;
    const node = { host: '127.0.0.1', port };
    const connection = await RedisConnection.open({ mode: this.mode, nodes: [node], name: nodeId });
    try {
      const opened = await RedisKeyNode.open(connection, clock, this.lines, { ...changes, nodeId });
      this.#open.set(opened, connection);
      return opened;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** The connection of a node, to be disturbed. */
  connectionOf(node: RedisKeyNode): RedisConnection {
    return this.#open.get(node) as RedisConnection;
  }

  async end(node: RedisKeyNode): Promise<void> {
    await node.close();
    await this.#open.get(node)?.close();
    this.#open.delete(node);
  }

  async close(): Promise<void> {
    for (const node of [...this.#open.keys()]) await this.end(node);
    await this.#redis?.close();
  }
}
