import { SystemClock } from '#adapters/clock/system-clock.js';
import type { Charge, TakeOutcome, TakeRequest } from '#domain/keys/counter-charge.js';
import type { CreditAccount } from '#domain/keys/credits.js';
import { eventually } from '../../../test/support/eventually.js';
import { freePort } from '../../../test/support/free-port.js';
import { describeWithRedis, TestRedis } from '../../../test/support/redis-server.js';
import { RedisConnection, type RedisConnectionOptions } from './redis-connection.js';
import { RedisCounters, type RedisCountersOptions } from './redis-counters.js';

const START = Date.UTC(2026, 0, 10, 12);
const UNAVAILABLE = { code: 'STORE_UNAVAILABLE', retryable: true };
const RESTART_MS = 600; // of a test: nodes look for the server again within 50 ms at first
const describeRedis = await describeWithRedis();

describeRedis('counters while Redis fails', () => {
  let redis: TestRedis;
  let opened: { counters: RedisCounters; connection: RedisConnection }[] = [];
  const clock = new SystemClock();
  const account: CreditAccount = { id: 'cr', initial: 10_000, since: START };

  async function node(
    options: RedisCountersOptions = {},
    place: Partial<RedisConnectionOptions> = {},
  ): Promise<RedisCounters> {
    const connection = await RedisConnection.open({
      mode: 'standalone',
      nodes: [{ host: '127.0.0.1', port: redis.port }],
      commandTimeoutMs: 300,
      ...place,
    });
    const counters = await RedisCounters.open(connection, clock, { restartMs: RESTART_MS, ...options });
    opened.push({ counters, connection });
    return counters;
  }

  const request = (limit: number, credits = 0): TakeRequest => ({
    windows: [{ id: 'w', limit, cost: 1, duration: 86_400_000 }],
    credits: credits ? { account, cost: credits } : undefined,
  });

  /** Undefined when Redis could not be asked. */
  const attempt = (counters: RedisCounters, asked: TakeRequest): Promise<TakeOutcome | undefined> =>
    counters.take(asked, START).catch((error) => {
      expect(error).toMatchObject(UNAVAILABLE);
      return undefined;
    });

  async function openAgain(counters: RedisCounters): Promise<void> {
    await eventually(async () => {
      expect(
        await attempt(counters, { windows: [{ id: 'probe', limit: 1e9, cost: 0, duration: 1_000 }] }),
      ).toBeDefined();
    });
  }

  /** Also of a node that has not found the server again yet. */
  const balanceIs = (counters: RedisCounters | undefined, credits: number): Promise<void> =>
    eventually(async () => expect(await counters?.balance(account, START)).toBe(credits));

  afterEach(async () => {
    for (const { counters, connection } of opened) {
      counters.close();
      await connection.close();
    }
    opened = [];
    await redis.close();
  });

  test.each(['standalone', 'cluster'] as const)(
    '%s: a server killed and restarted under load never lets more than the limit through, and credits stay exact',
    async (mode) => {
      redis = mode === 'cluster' ? await TestRedis.startCluster() : await TestRedis.start();
      const nodes = [await node({}, { mode }), await node({}, { mode })];
      const LIMIT = 3_000;
      let [passed, unknown, done] = [0, 0, false];
      const work = async (counters: RedisCounters) => {
        while (!done) {
          const outcome = await attempt(counters, request(LIMIT, 1));
          if (outcome?.passed) passed++;
          else if (!outcome) {
            unknown++;
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
        }
      };
      const workers = Array.from({ length: 40 }, (_, i) => work(nodes[i % 2] as RedisCounters));
      for (let kill = 0; kill < (mode === 'cluster' ? 1 : 3); kill++) {
        await eventually(() => expect(passed).toBeGreaterThan(500 * (kill + 1)));
        await redis.kill9();
        await redis.restart();
        await Promise.all(nodes.map(openAgain));
      }
      await eventually(async () => {
        const probe = await attempt(nodes[0] as RedisCounters, request(LIMIT, 1));
        if (probe?.passed) passed++;
        expect(probe?.passed).toBe(false);
      });
      done = true;
      await Promise.all(workers);
      await eventually(() =>
        expect(nodes.map(({ repairs }) => repairs)).toEqual([
          { waiting: 0, givenUp: 0 },
          { waiting: 0, givenUp: 0 },
        ]),
      );
      for (let left = 0; left < LIMIT; left++) {
        if (!(await attempt(nodes[1] as RedisCounters, request(LIMIT, 1)))?.passed) break;
        passed++;
      }
      expect(unknown).toBeGreaterThan(0);
      expect(passed).toBe(LIMIT);
      expect(await nodes[0]?.balance(account, START)).toBe(10_000 - LIMIT);
    },
    60_000,
  );

  test('what a restarted server has lost is added again by the nodes before anything is granted', async () => {
    redis = await TestRedis.start(['--appendonly', 'no']);
    const nodes = [await node(), await node()];
    for (let n = 0; n < 7; n++)
      expect((await attempt(nodes[n % 2] as RedisCounters, request(10, 5)))?.passed).toBe(true);
    const undone = await attempt(nodes[1] as RedisCounters, request(10, 5));
    await nodes[1]?.undo(undone?.charge ?? {});
    await redis.kill9();
    await redis.restart();
    const outcomes: boolean[] = [];
    await eventually(async () => {
      for (const counters of nodes) {
        const outcome = await attempt(counters, request(10, 5));
        if (outcome) outcomes.push(outcome.passed);
      }
      expect(outcomes.filter((passed) => !passed).length).toBeGreaterThan(1);
    });
    expect(outcomes.filter((passed) => passed)).toHaveLength(3);
    await balanceIs(nodes[0], 10_000 - 50);
  });

  test('a restarted server grants nothing until a node that finds it late has added what it was told', async () => {
    redis = await TestRedis.start(['--appendonly', 'no']);
    const [quick, late] = [await node({ restartMs: 2_500 }), await node({ restartMs: 2_500 })];
    for (let n = 0; n < 3; n++) await attempt(quick, request(10));
    for (let n = 0; n < 4; n++) await attempt(late, request(10));
    opened[1]?.connection.client.disconnect(); // back after a second
    await redis.kill9();
    await redis.restart();
    let passed = 0;
    await eventually(async () => {
      const outcome = await attempt(quick, request(10));
      if (outcome?.passed) passed++;
      expect(outcome?.passed).toBe(false);
    });
    expect(opened[1]?.connection.ready).toBe(true);
    expect(passed).toBe(3);
  });

  test('a replica that takes over goes on where the master was', async () => {
    redis = await TestRedis.start();
    const replica = await TestRedis.startReplica(redis);
    const sentinel = await TestRedis.startSentinel('keymeter', redis);
    const place = {
      mode: 'sentinel' as const,
      masterName: 'keymeter',
      nodes: [{ host: '127.0.0.1', port: sentinel.port }],
    };
    try {
      const nodes = [await node({}, place), await node({}, place)];
      let passed = 0;
      for (let n = 0; n < 6; n++) if ((await attempt(nodes[n % 2] as RedisCounters, request(10, 5)))?.passed) passed++;
      await redis.kill9();
      let refused = 0;
      await eventually(async () => {
        for (const counters of nodes) {
          const outcome = await attempt(counters, request(10, 5));
          if (outcome?.passed) passed++;
          else if (outcome) refused++;
        }
        expect(refused).toBeGreaterThan(1);
      }, 20_000);
      expect(passed).toBe(10);
      await balanceIs(nodes[1], 10_000 - 50);
    } finally {
      await Promise.all([sentinel.close(), replica.close()]);
    }
  }, 40_000);

  test('a take whose answer was lost is given back, or kept from happening', async () => {
    redis = await TestRedis.start();
    const counters = await node();
    redis.pause();
    const calls = await Promise.all(Array.from({ length: 30 }, () => attempt(counters, request(100, 7))));
    expect(calls.every((outcome) => outcome === undefined)).toBe(true);
    expect(counters.repairs.waiting).toBe(30);
    redis.resume();
    await eventually(() => expect(counters.repairs).toEqual({ waiting: 0, givenUp: 0 }));
    await eventually(async () => {
      expect(await counters.balance(account, START)).toBe(10_000);
      expect((await attempt(counters, request(100)))?.windows[0]?.remaining).toBeGreaterThan(0);
    });
    expect(
      (await counters.take({ windows: [{ id: 'w', limit: 100, cost: 0, duration: 86_400_000 }] }, START)).windows[0]
        ?.remaining,
    ).toBe(99);
  });

  test('a take that is asked again after its connection was cut is taken once', async () => {
    redis = await TestRedis.start();
    const counters = await node();
    const calls: Promise<TakeOutcome | undefined>[] = [];
    for (let n = 0; n < 20; n++) {
      for (let i = 0; i < 20; i++) calls.push(attempt(counters, request(1_000, 1)));
      await redis.ask('CLIENT KILL TYPE normal');
      await openAgain(counters);
    }
    const granted = (await Promise.all(calls)).filter((outcome) => outcome?.passed).length;
    await eventually(() => expect(counters.repairs.waiting).toBe(0));
    await eventually(async () => expect(await counters.balance(account, START)).toBe(10_000 - granted));
  });

  test('an undo that could not be done is done when Redis is back', async () => {
    redis = await TestRedis.start();
    const counters = await node();
    const taken = await attempt(counters, request(5, 30));
    await redis.halt();
    const kept: Charge['v'] = ['once', 'hash', START + 60_000, '{}'];
    await expect(counters.undo({ ...taken?.charge, v: kept })).rejects.toMatchObject(UNAVAILABLE);
    await redis.restart();
    await eventually(async () => expect(await counters.balance(account, START)).toBe(10_000));
  });

  test('a full, read-only or busy Redis grants nothing and takes nothing', async () => {
    redis = await TestRedis.start();
    const counters = await node();
    await attempt(counters, request(5, 1));
    const refused = () => expect(counters.take(request(5, 1), START)).rejects.toMatchObject(UNAVAILABLE);
    await redis.ask('CONFIG SET maxmemory 1');
    await refused();
    await redis.ask('CONFIG SET maxmemory 0');
    await redis.ask('CONFIG SET busy-reply-threshold 10');
    const busy = await RedisConnection.open({ mode: 'standalone', nodes: [{ host: '127.0.0.1', port: redis.port }] });
    const running = busy.run((client) => client.eval('while true do end', 0)).catch((error) => error);
    await eventually(async () => expect(await redis.ask('PING')).toContain('BUSY'));
    await refused();
    await redis.ask('SCRIPT KILL');
    await running;
    await busy.close();
    await redis.ask(`REPLICAOF 127.0.0.1 ${await freePort()}`);
    await refused();
    await redis.ask('REPLICAOF NO ONE');
    await openAgain(counters);
    await eventually(() => expect(counters.repairs.waiting).toBe(0));
    expect(await attempt(counters, request(5, 1))).toMatchObject({ windows: [{ remaining: 3 }], credits: 9_998 });
  });

  test('an emptied Redis grants nothing until it is rebuilt; then lost windows are full and lost accounts refuse', async () => {
    redis = await TestRedis.start();
    let [id, since] = ['one', 0];
    const epoch = {
      key: 'epoch',
      believed: () => id,
      get id() {
        return id;
      },
      since: () => since,
    };
    const counters = await node({ epoch });
    await redis.ask('SET epoch one');
    expect((await attempt(counters, request(5, 1)))?.passed).toBe(true);
    await redis.ask('FLUSHALL');
    await expect(counters.take(request(5), START)).rejects.toMatchObject({
      ...UNAVAILABLE,
      cause: { code: 'EPOCH_LOST' },
    });
    [id, since] = ['two', START + 1];
    await redis.ask('SET epoch two');
    expect(await counters.take(request(5), START)).toMatchObject({ passed: false, failed: 'window' });
    expect((await counters.take(request(5), START + 86_400_000)).passed).toBe(true);
    await expect(counters.take({ windows: [], credits: { account, cost: 1 } }, START)).rejects.toMatchObject(
      UNAVAILABLE,
    );
    await counters.restoreBalance('cr', { remaining: 40, refilledAt: START, refilledTo: 0, beforeRefill: 40 });
    expect(await counters.take({ windows: [], credits: { account, cost: 1 } }, START)).toMatchObject({ credits: 39 });
  });
});
