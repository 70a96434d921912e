import { randomBytes } from 'node:crypto';
import type { LoggerService } from '@nestjs/common';
import type { DirectoryRecord } from '#domain/keys/directory-record.js';
import type { Clock } from '#ports/clock.js';
import type { Confirmation } from '#ports/key-store.js';
import type { LastKnown } from '#ports/last-known.js';
import { CircuitBreaker } from './circuit-breaker.js';
import type { EpochLoss } from './epoch.js';
import { rebuiltAt } from './epoch-id.js';
import { EpochKeeper } from './epoch-keeper.js';
import { EpochRebuild } from './epoch-rebuild.js';
import { EPOCH_SCRIPTS, type EpochScriptName } from './epoch-scripts.js';
import { Invalidation } from './invalidation.js';
import { LuaScript } from './lua-script.js';
import { NodeLease } from './node-lease.js';
import type { RedisConnection } from './redis-connection.js';
import type { CounterEpoch } from './redis-counters-calls.js';
import { RedisEnforcementIndex } from './redis-enforcement-index.js';
import { RedisEnforcementStore } from './redis-enforcement-store.js';
import { RedisKeyCache } from './redis-key-cache.js';
import { RedisKeyDirectory } from './redis-key-directory.js';
import { type AppendRecords, RedisKeyJournal } from './redis-key-journal.js';
import { partIndex, partKeys } from './redis-key-layout.js';
import { RedisKeyPublication } from './redis-key-publication.js';
import { RedisKeyRoots } from './redis-key-roots.js';
import { SCRIPTS, type ScriptName } from './redis-key-scripts.js';
import { type OnOutage, RedisKeyStore } from './redis-key-store.js';
import { RedisKeyWriter } from './redis-key-writer.js';
import { RedisLastKnown } from './redis-last-known.js';
import { type MeterLimits, RedisMeterStore } from './redis-meter-store.js';
import { RedisPolicyStore } from './redis-policy-store.js';
import { RedisRecordImport } from './redis-record-import.js';
import { RedisSpools } from './redis-spools.js';
import { RedisSubscription } from './redis-subscription.js';
import { RedisWebhookEndpointStore } from './redis-webhook-endpoint-store.js';

export interface RedisKeyNodeOptions {
  /** Several installations may share one Redis. */
  readonly name: string;
  /** What shares the log of keys; a Redis with the keys of another installation is not filled with those of this one. */
  readonly installation: string;
  /** Of the log of keys; another one has yet to be told of everything. */
  readonly logId: string;
  /** Shown in logs; each run adds something of its own. */
  readonly nodeId: string;
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly maxCachedKeys: number;
  readonly onOutage: OnOutage;
  /** An empty Redis: a first start, or one to be rebuilt from the log of keys before anything is answered. */
  readonly whenEmpty: 'begin' | 'rebuild';
  /** To the log of keys, from which Redis is rebuilt. Without it nothing can be. */
  readonly append?: AppendRecords;
  readonly meterLimits?: MeterLimits;
  readonly maxWebhooks?: number;
  /** Told of every write that had to be known everywhere. */
  readonly confirmed?: (confirmation: Confirmation) => void;
}

export const REDIS_KEY_NODE_DEFAULTS: Omit<RedisKeyNodeOptions, 'nodeId'> = {
  name: 'keymeter',
  installation: '',
  logId: '',
  leaseMs: 2_000,
  renewMs: 500,
  maxCachedKeys: 100_000,
  onOutage: 'serve-cached',
  whenEmpty: 'begin',
};

/** The parts of one process that share a lease: stores of keys and enforcements, and what keeps them true. */
export class RedisKeyNode {
  readonly keys: RedisKeyStore;
  readonly enforcements: RedisEnforcementStore;
  readonly meters: RedisMeterStore;
  readonly policies: RedisPolicyStore;
  readonly webhooks: RedisWebhookEndpointStore;
  /** Where `onOutage` is `allow`. */
  readonly lastKnown: LastKnown | undefined;
  readonly records: RedisRecordImport;
  readonly spools: RedisSpools;
  readonly lease: NodeLease;
  readonly directory: RedisKeyDirectory;
  /** Where there is a log of keys: its `sweep` is to be called every few seconds. */
  readonly journal: RedisKeyJournal | undefined;
  /** Where there is a log of keys: `ensure` is to be called until it resolves. */
  readonly publication: RedisKeyPublication | undefined;
  #doorbell: RedisSubscription | undefined;
  readonly #rebuild: EpochRebuild;
  readonly #epochKey: string;

  private constructor(connection: RedisConnection, clock: Clock, logger: LoggerService, options: RedisKeyNodeOptions) {
    const partNames = partKeys(options.name);
    this.#epochKey = partNames[partIndex('epoch') - 1] as string;
    const run = scriptsOn(connection, partNames);
    this.directory = new RedisKeyDirectory(run, new CircuitBreaker(clock));
    const { epoch } = this.directory;
    const nodeId = `${options.nodeId}.${randomBytes(6).toString('hex')}`;
    const keeper = new EpochKeeper(epoch, run, options.whenEmpty, options.installation);
    this.lease = new NodeLease(this.directory, keeper, clock, logger, { ...options, nodeId });
    const cache = new RedisKeyCache(this.directory, options.maxCachedKeys);
    const roots = new RedisKeyRoots(this.directory);
    const index = new RedisEnforcementIndex(this.directory, clock);
    for (const mirror of [cache, roots, index]) this.lease.mirror(mirror);
    const { directory, lease } = this;
    const invalidation = new Invalidation(directory, lease, clock, options.confirmed);
    const journal = options.append && new RedisKeyJournal(directory, options.append);
    const writer = new RedisKeyWriter(directory, invalidation, journal);
    this.meters = new RedisMeterStore(directory, writer, options.meterLimits);
    this.policies = new RedisPolicyStore(directory, writer);
    this.webhooks = new RedisWebhookEndpointStore(directory, writer, options.maxWebhooks);
    this.journal = journal;
    this.publication = journal && new RedisKeyPublication(directory, journal, options.logId);
    this.records = new RedisRecordImport(directory, writer);
    this.spools = new RedisSpools(directory, writer);
    this.keys = new RedisKeyStore(directory, lease, writer, cache, roots, options.onOutage);
    this.lastKnown = options.onOutage === 'allow' ? new RedisLastKnown(cache, roots, index) : undefined;
    this.enforcements = new RedisEnforcementStore(directory, lease, writer, index, clock);
    this.#rebuild = new EpochRebuild(epoch, run, clock, options.leaseMs, options.installation, options.logId);
  }

  /**
   * Resolves when this node has a lease, or knows that Redis must be rebuilt first (`loss`). Opens one connection of its
   * own beside the given one, for messages that something has changed.
   */
  static async open(
    connection: RedisConnection,
    clock: Clock,
    logger: LoggerService,
    changes: Partial<RedisKeyNodeOptions> & { readonly nodeId: string },
  ): Promise<RedisKeyNode> {
    const options = { ...REDIS_KEY_NODE_DEFAULTS, ...changes };
    const node = new RedisKeyNode(connection, clock, logger, options);
    try {
      const channel = partKeys(options.name)[partIndex('changes') - 1] as string;
      node.#doorbell = await RedisSubscription.listen(connection, channel, (sequence) =>
        node.lease.ring(Number(sequence)),
      );
      await node.lease.renew().catch((error: unknown) => {
        if (node.loss === undefined) throw error;
      });
      node.lease.start();
      return node;
    } catch (error) {
      await node.close();
      throw error;
    }
  }

  /** Why nothing is answered until `rebuild` has run here or on another node; undefined while all is well. */
  get loss(): EpochLoss | undefined {
    return this.directory.epoch.loss;
  }

  /** What counters of the same store believe in. */
  get counterEpoch(): CounterEpoch {
    const { epoch } = this.directory;
    return {
      key: this.#epochKey,
      believed: () => epoch.believed(),
      get id() {
        return epoch.id;
      },
      since: () => rebuiltAt(epoch.id ?? ''),
    };
  }

  /** See EpochRebuild; afterwards this node answers again. */
  async rebuild(source: AsyncIterable<DirectoryRecord>, clear?: () => Promise<void>): Promise<void> {
    await this.#rebuild.run(source, clear);
    this.lease.distrust();
    await this.lease.renew();
  }

  /** Gives the lease back. The given connection stays open. */
  async close(): Promise<void> {
    await this.lease.stop();
    await this.#doorbell?.close();
  }
}

function scriptsOn(connection: RedisConnection, keys: readonly string[]) {
  const texts = Object.entries({ ...SCRIPTS, ...EPOCH_SCRIPTS });
  const scripts = new Map(texts.map(([name, text]) => [name, new LuaScript(text)]));
  return (name: ScriptName | EpochScriptName, args: readonly string[]): Promise<unknown> => {
    const script = scripts.get(name) as LuaScript;
    return connection.run((client) => script.run(client, keys, args));
  };
}
