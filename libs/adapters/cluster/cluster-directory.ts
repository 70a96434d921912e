/** Keys, enforcements, counters, policies and meters in Redis, as one process uses them. */
import type { LoggerService } from '@nestjs/common';
import { LocalShareCounters } from '#adapters/redis/local-share-counters.js';
import { RedisConnection } from '#adapters/redis/redis-connection.js';
import { RedisCounters } from '#adapters/redis/redis-counters.js';
import { RedisKeyNode } from '#adapters/redis/redis-key-node.js';
import type { RedisRecordImport } from '#adapters/redis/redis-record-import.js';
import { RedisWebhookDeliveryStore } from '#adapters/redis/redis-webhook-delivery-store.js';
import { ShardWatch } from '#adapters/redis/shard-watch.js';
import type { Clock } from '#ports/clock.js';
import { Counters } from '#ports/counters.js';
import { EnforcementOutbox } from '#ports/enforcement-outbox.js';
import { EnforcementStore } from '#ports/enforcement-store.js';
import { EnforcementSwitch } from '#ports/enforcement-switch.js';
import { KeyStore } from '#ports/key-store.js';
import { LastKnown } from '#ports/last-known.js';
import { MeterStore } from '#ports/meter-store.js';
import { PolicyStore } from '#ports/policy-store.js';
import { WebhookDeliveryStore } from '#ports/webhook-delivery-store.js';
import { WebhookEndpointStore } from '#ports/webhook-endpoint-store.js';
import { redisOptions } from '#runtime/config/cluster-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { every, unlessAway } from '#runtime/periodic.js';
import type { provided } from '#runtime/provided.js';
import type { ClusterLog } from './cluster-log.js';
import { openCountedUsage } from './counted-usage.js';
import { CreditRecovery } from './credit-recovery.js';
import { DirectoryRecovery } from './directory-recovery.js';
import type { KeyLog } from './key-log.js';
import { RecordedGrants } from './recorded-grants.js';
import { withinStart } from './within-start.js';

/** A write whose process died is in the log after two sweeps. */
const SWEEP_EVERY_MS = 2_000;
const SWEPT_AT_ONCE = 500;
const CREDITS_EVERY_MS = 500;
const PUBLISH_EVERY_MS = 1_000;
const SHARDS_EVERY_MS = 250;
const DAY_MS = 86_400_000;

export class ClusterDirectory {
  private constructor(
    readonly connection: RedisConnection,
    private readonly node: RedisKeyNode,
    private readonly exact: RedisCounters,
    private readonly counters: Counters,
    private readonly recovery: DirectoryRecovery,
    private readonly keyLog: KeyLog,
    private readonly timers: readonly NodeJS.Timeout[],
    readonly grants: RecordedGrants,
    private readonly webhookDeliveries: WebhookDeliveryStore,
  ) {}

  /** Resolves when keys can be asked for: an empty Redis is filled first where the log of keys holds some. */
  static async open(
    settings: Settings,
    nodeId: string,
    log: ClusterLog,
    clock: Clock,
    logger: LoggerService,
  ): Promise<ClusterDirectory> {
    const keyLog = await log.openKeyLog(clock, logger);
    const options = { ...redisOptions(settings), name: `keymeter ${nodeId}` };
    const connection = await withinStart(clock, 'KEYMETER_REDIS_NODES', () => RedisConnection.open(options));
    const node = await RedisKeyNode.open(connection, clock, logger, {
      nodeId,
      leaseMs: settings.KEYMETER_LEASE_MS,
      renewMs: settings.KEYMETER_LEASE_MS / 4,
      onOutage: settings.KEYMETER_ON_STORE_OUTAGE,
      installation: keyLog.installation,
      logId: `${keyLog.installation}.${keyLog.id}`,
      whenEmpty: (await keyLog.reader.isEmpty()) ? 'begin' : 'rebuild',
      append: (records) => keyLog.writer.append(records),
    });
    const exact = await RedisCounters.open(connection, clock, { epoch: node.counterEpoch });
    const counters = settings.KEYMETER_LIMITS === 'fast' ? new LocalShareCounters(exact) : exact;
    const recovery = new DirectoryRecovery(node, keyLog.reader, () => exact.forgetAll(), clock, logger);
    await recovery.start();
    const shards = connection.isCluster ? new ShardWatch(node.directory, exact) : undefined;
    await shards?.look();
    const grants = new RecordedGrants(node.directory, node.spools, nodeId, clock);
    const credits = new CreditRecovery(node, connection, exact, grants, {
      clock,
      logger,
      openUsage: () => openCountedUsage(settings, log, clock),
      knownMs: (settings.KEYMETER_RAW_RETENTION_DAYS - 1) * DAY_MS, // retention drops whole days
    });
    const timers = [
      every(SWEEP_EVERY_MS, () => unlessAway(() => sweep(node)), logger),
      every(PUBLISH_EVERY_MS, () => unlessAway(() => publish(node, logger)), logger),
      every(SHARDS_EVERY_MS, () => unlessAway(() => lookAt(shards, logger)), logger),
      every(CREDITS_EVERY_MS, () => unlessAway(() => credits.look()), logger),
    ];
    const deliveries = new RedisWebhookDeliveryStore(connection, log.topic.id);
    return new ClusterDirectory(connection, node, exact, counters, recovery, keyLog, timers, grants, deliveries);
  }

  get keys(): KeyStore {
    return this.node.keys;
  }

  /** Changes when Redis has lost what it held. */
  get run(): string | undefined {
    return this.node.counterEpoch.id;
  }

  /** For records, balances and windows that come from another installation. */
  get importing(): { records: RedisRecordImport; counters: RedisCounters; policies: PolicyStore; meters: MeterStore } {
    const { records, policies, meters } = this.node;
    return { records, counters: this.exact, policies, meters };
  }

  /** Why verifications are refused at the moment. */
  get trouble(): string | undefined {
    if (this.recovery.refusal !== undefined) return this.recovery.refusal;
    if (this.node.loss) return 'Redis does not hold what it held; it is being filled again from the log of keys.';
    return this.connection.trouble?.message;
  }

  ports(): Parameters<typeof provided>[0] {
    const { enforcements, policies, meters, webhooks } = this.node;
    return [
      [KeyStore, this.node.keys],
      [Counters, this.counters],
      [EnforcementStore, enforcements],
      [EnforcementOutbox, enforcements],
      [EnforcementSwitch, enforcements],
      [PolicyStore, policies],
      [MeterStore, meters],
      [WebhookEndpointStore, webhooks],
      [WebhookDeliveryStore, this.webhookDeliveries],
      ...(this.node.lastKnown ? [[LastKnown, this.node.lastKnown] as const] : []),
    ];
  }

  /** After the node's spool is closed. */
  async close(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await unlessAway(() => this.grants.ends());
    await this.recovery.stop();
    this.exact.close();
    await this.node.close();
    await this.connection.close();
    await this.keyLog.close();
  }
}

async function sweep({ loss, journal }: RedisKeyNode): Promise<void> {
  if (loss === undefined) await journal?.sweep(SWEPT_AT_ONCE);
}

async function lookAt(shards: ShardWatch | undefined, logger: LoggerService): Promise<void> {
  const slot = await shards?.look();
  if (slot !== undefined) logger.error({ event: 'a shard of Redis lost its counters', slot });
}

/** Nobody waits for it: verifications need no log of keys. */
async function publish({ loss, publication }: RedisKeyNode, logger: LoggerService): Promise<void> {
  const records = loss === undefined ? await publication?.ensure() : 0;
  if (records) logger.warn({ event: 'a log of keys that knew nothing of this Redis was told of it', records });
}
