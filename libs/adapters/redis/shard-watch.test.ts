import { SystemClock } from '#adapters/clock/system-clock.js';
import type { TakeRequest } from '#domain/keys/counter-charge.js';
import { describeWithRedis, PATIENT_MS, TestRedis } from '../../../test/support/redis-server.js';
import { RedisConnection } from './redis-connection.js';
import { RedisCounters } from './redis-counters.js';
import { RedisKeyNode } from './redis-key-node.js';
import { ShardWatch } from './shard-watch.js';

const describeRedis = await describeWithRedis();
const SLOTS = 16_384;
const LIMIT = 2;
const IDS = Array.from({ length: 40 }, (_, n) => `window ${n}`);
const lost = { code: 'STORE_UNAVAILABLE', cause: expect.objectContaining({ code: 'EPOCH_LOST' }) };
const silent = { log: () => undefined, warn: () => undefined, error: () => undefined };

interface Process {
  readonly node: RedisKeyNode;
  readonly counters: RedisCounters;
  readonly watch: ShardWatch;
  close(): Promise<void>;
}

describeRedis('a Redis cluster of two shards', () => {
  const clock = new SystemClock();
  let shards: TestRedis[];
  let processes: Process[];

  beforeEach(async () => {
    shards = await TestRedis.startShards(2);
    processes = [await open('one'), await open('two')];
  });
  afterEach(async () => {
    for (const process of processes) await process.close();
    for (const shard of shards) await shard.close();
  });

  async function open(nodeId: string): Promise<Process> {
    const nodes = shards.map(({ port }) => ({ host: '127.0.0.1', port }));
    const connection = await RedisConnection.open({ mode: 'cluster', nodes, commandTimeoutMs: PATIENT_MS });
    const append = async () => undefined;
    const node = await RedisKeyNode.open(connection, clock, silent, { nodeId, leaseMs: 300, renewMs: 50, append });
    const counters = await RedisCounters.open(connection, clock, { epoch: node.counterEpoch });
    const watch = new ShardWatch(node.directory, counters);
    await watch.look();
    const close = async () => {
      counters.close();
      await node.close();
      await connection.close();
    };
    return { node, counters, watch, close };
  }

  /** The shard that does not hold the directory. */
  async function otherShard(): Promise<TestRedis> {
    const slot = Number(/:(\d+)/.exec((await shards[0]?.ask('CLUSTER KEYSLOT keymeter')) ?? '')?.[1]);
    return shards[slot < SLOTS / 2 ? 1 : 0] as TestRedis;
  }

  const windowOf = (id: string): TakeRequest => ({ windows: [{ id, limit: LIMIT, cost: 1, duration: 86_400_000 }] });
  const [first, second] = [0, 1].map((n) => () => processes[n] as Process) as [() => Process, () => Process];

  /** By id: passed, refused, or the store's word that counters are lost. */
  async function takeOfAll({ counters }: Process): Promise<Map<string, 'passed' | 'refused' | 'lost'>> {
    const outcomes = new Map<string, 'passed' | 'refused' | 'lost'>();
    for (const id of IDS) {
      const outcome = await counters.take(windowOf(id), clock.now()).catch((error) => {
        expect(error).toMatchObject(lost);
        return 'lost' as const;
      });
      outcomes.set(id, outcome === 'lost' ? 'lost' : outcome.passed ? 'passed' : 'refused');
    }
    return outcomes;
  }

  test('an emptied shard of counters refuses, and all is filled again: no window lets more through than its limit', async () => {
    expect(new Set((await takeOfAll(first())).values())).toEqual(new Set(['passed']));
    await (await otherShard()).ask('FLUSHALL');
    const after = await takeOfAll(second());
    expect(new Set(after.values())).toEqual(new Set(['passed', 'lost']));
    expect(first().node.loss).toBeUndefined();

    expect(await second().watch.look()).toMatch(/^counters:epoch:/);
    for (const { node } of processes) await expect(node.keys.findKey('x')).rejects.toMatchObject(lost);
    const empty = async function* () {};
    await first().node.rebuild(empty(), () => first().counters.forgetAll());
    await second().node.lease.renew();
    for (const { watch } of processes) expect(await watch.look()).toBeUndefined();
    for (const process of processes) expect(new Set((await takeOfAll(process)).values())).toEqual(new Set(['refused']));
    const tomorrow = clock.now() + 86_400_000;
    expect(await first().counters.take(windowOf('window 1'), tomorrow)).toMatchObject({ passed: true });
  });

  test('takes that met no mark since the epoch was new give nothing up', async () => {
    await (await otherShard()).ask('FLUSHALL');
    await takeOfAll(first());
    const { node, counters } = first();
    const late = new ShardWatch(node.directory, counters);
    await counters.slots.mark(node.directory.epoch.id ?? '');
    expect(await late.look()).toBeUndefined();
    expect(new Set((await takeOfAll(first())).values())).toEqual(new Set(['passed']));
    expect(node.loss).toBeUndefined();
  });
});
