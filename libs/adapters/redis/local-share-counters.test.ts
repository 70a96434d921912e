import { ManualClock } from '#adapters/clock/manual-clock.js';
import { describeCounters } from '#contracts/counters.contract.js';
import type { TakeOutcome } from '#domain/keys/counter-charge.js';
import type { CreditAccount } from '#domain/keys/credits.js';
import { describeWithRedis, PATIENT_MS, TestRedis } from '../../../test/support/redis-server.js';
import { LocalShareCounters } from './local-share-counters.js';
import { RedisConnection } from './redis-connection.js';
import { RedisCounters } from './redis-counters.js';

const NOW = Date.UTC(2026, 0, 10, 12);
const HOUR = 3_600_000;
const describeRedis = await describeWithRedis();

describeRedis('rate limits by shares', () => {
  let redis: TestRedis;
  const connections: RedisConnection[] = [];
  const exact: RedisCounters[] = [];
  let nodes: LocalShareCounters[] = [];
  const window = (limit: number, cost = 1, id = 'w') => ({ id, limit, cost, duration: HOUR });
  const account: CreditAccount = { id: 'cr', initial: 100, since: NOW };

  const scripts = async () =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.ask('INFO commandstats'))?.[1] ?? 0);

  beforeAll(async () => {
    redis = await TestRedis.start();
    for (let n = 0; n < 2; n++) {
      const nodesOfRedis = [{ host: '127.0.0.1', port: redis.port }];
      const connection = await RedisConnection.open({
        mode: 'standalone',
        nodes: nodesOfRedis,
        commandTimeoutMs: PATIENT_MS,
      });
      connections.push(connection);
      exact.push(await RedisCounters.open(connection, new ManualClock(NOW)));
    }
  });
  afterAll(async () => {
    for (const counters of exact) counters.close();
    await Promise.all(connections.map((connection) => connection.close()));
    await redis.close();
  });
  beforeEach(async () => {
    await redis.ask('FLUSHALL');
    nodes = exact.map((counters) => new LocalShareCounters(counters));
  });

  async function passes(calls: readonly (TakeOutcome | Promise<TakeOutcome>)[]): Promise<number> {
    return (await Promise.all(calls)).filter(({ passed }) => passed).length;
  }

  describeCounters('by shares', async () => {
    await redis.ask('FLUSHALL');
    return { counters: new LocalShareCounters(exact[0] as RedisCounters), close: async () => {} };
  });

  test.each([1, 10, 1_000, 50_000])(
    'two nodes asked for more than the limit of %i let exactly so many through, with few calls of the store',
    async (limit) => {
      const before = await scripts();
      let passed = 0;
      for (let sent = 0; sent < limit + 400; sent += 100) {
        const calls = Array.from({ length: 100 }, (_, i) => nodes[i % 2]?.take({ windows: [window(limit)] }, NOW));
        passed += await passes(calls as Promise<TakeOutcome>[]);
      }
      expect(passed).toBe(limit);
      if (limit >= 1_000) expect((await scripts()) - before).toBeLessThan(limit / 5 + 50);
    },
    60_000,
  );

  test('units that lie on another node are refused here: at most its share, and never is one let through twice', async () => {
    expect(await nodes[1]?.take({ windows: [window(10_000)] }, NOW)).toMatchObject({ passed: true });
    let here = 0;
    for (let sent = 0; sent < 11_000; sent++)
      if ((await nodes[0]?.take({ windows: [window(10_000)] }, NOW))?.passed) here++;
    expect(here).toBeGreaterThanOrEqual(10_000 - 2 * 100); // a share, and the one asked for before it was used up
    expect(here).toBeLessThanOrEqual(9_999);
    let there = 0;
    for (let sent = 0; sent < 1_000; sent++)
      if ((await nodes[1]?.take({ windows: [window(10_000)] }, NOW))?.passed) there++;
    expect(here + there + 1).toBe(10_000);
  });

  test('a window that is used up is refused without asking the store, until the next one begins', async () => {
    const one = nodes[0] as LocalShareCounters;
    for (let n = 0; n < 3; n++) await one.take({ windows: [window(3)] }, NOW);
    expect(await one.take({ windows: [window(3)] }, NOW)).toMatchObject({
      passed: false,
      windows: [{ exceeded: true, remaining: 0, reset: NOW + HOUR }],
    });
    const before = await scripts();
    for (let n = 0; n < 50; n++) expect((await one.take({ windows: [window(3)] }, NOW)).passed).toBe(false);
    expect(await scripts()).toBe(before);
    expect((await one.take({ windows: [window(3)] }, NOW + HOUR)).passed).toBe(true);
    expect((await one.take({ windows: [window(3)] }, NOW)).windows[0]?.reset).toBe(NOW + 2 * HOUR);
  });

  test('credits stay exact, and what they refuse takes no units', async () => {
    const calls = Array.from({ length: 300 }, (_, i) =>
      nodes[i % 2]?.take({ windows: [window(10_000)], credits: { account, cost: 1 } }, NOW),
    );
    expect(await passes(calls as Promise<TakeOutcome>[])).toBe(100);
    let left = 0;
    for (let n = 0; n < 10_000; n++) if ((await nodes[n % 2]?.take({ windows: [window(10_000)] }, NOW))?.passed) left++;
    expect(left).toBe(9_900);
  });

  test('windows in memory are bounded', async () => {
    const one = new LocalShareCounters(exact[0] as RedisCounters, { maxWindows: 20 });
    for (let n = 0; n < 100; n++) await one.take({ windows: [window(5, 1, `w${n}`)] }, NOW);
    expect(one.held).toBeLessThanOrEqual(20);
  });
});
