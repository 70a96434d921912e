/** Keys, enforcements, counters, policies and meters in Redis, as one process uses them. */
import type { LoggerService } from '@nestjs/common';
import { LocalShareCounters } from '#adapters/redis/local-share-counters.js';
import { RedisConnection } from '#adapters/redis/redis-connection.js';
import { RedisCounters } from '#adapters/redis/redis-counters.js';
import { RedisKeyNode } from '#adapters/redis/redis-key-node.js';
import { RedisMeterStore } from '#adapters/redis/redis-meter-store.js';
import { RedisPolicyStore } from '#adapters/redis/redis-policy-store.js';
import type { Clock } from '#ports/clock.js';
import { Counters } from '#ports/counters.js';
import { EnforcementOutbox } from '#ports/enforcement-outbox.js';
import { EnforcementStore } from '#ports/enforcement-store.js';
import { KeyStore } from '#ports/key-store.js';
import { MeterStore } from '#ports/meter-store.js';
import { PolicyStore } from '#ports/policy-store.js';
import { redisOptions } from '#runtime/config/cluster-options.js';
import type { Settings } from '#runtime/config/settings.js';
import type { provided } from '#runtime/provided.js';

export class ClusterDirectory {
  private constructor(
    readonly connection: RedisConnection,
    private readonly node: RedisKeyNode,
    private readonly exact: RedisCounters,
    private readonly counters: Counters,
  ) {}

  static async open(
    settings: Settings,
    nodeId: string,
    clock: Clock,
    logger: LoggerService,
  ): Promise<ClusterDirectory> {
    const connection = await RedisConnection.open({ ...redisOptions(settings), name: `keymeter ${nodeId}` });
    const node = await RedisKeyNode.open(connection, clock, logger, {
      nodeId,
      leaseMs: settings.KEYMETER_LEASE_MS,
      renewMs: settings.KEYMETER_LEASE_MS / 4,
      onOutage: settings.KEYMETER_ON_STORE_OUTAGE,
    });
    const exact = await RedisCounters.open(connection, clock);
    const counters = settings.KEYMETER_LIMITS === 'fast' ? new LocalShareCounters(exact) : exact;
    return new ClusterDirectory(connection, node, exact, counters);
  }

  get keys(): KeyStore {
    return this.node.keys;
  }

  /** Why verifications are refused at the moment. */
  get trouble(): string | undefined {
    if (this.node.loss) return 'Redis does not hold what it held; it is to be filled again from the log.';
    return this.connection.trouble?.message;
  }

  ports(): Parameters<typeof provided>[0] {
    const { enforcements } = this.node;
    return [
      [KeyStore, this.node.keys],
      [Counters, this.counters],
      [EnforcementStore, enforcements],
      [EnforcementOutbox, enforcements],
      [PolicyStore, new RedisPolicyStore(this.connection)],
      [MeterStore, new RedisMeterStore(this.connection)],
    ];
  }

  async close(): Promise<void> {
    this.exact.close();
    await this.node.close();
    await this.connection.close();
  }
}
