import { join } from 'node:path';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { EmbeddedCounters } from '#adapters/lmdb/embedded-counters.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import type { Charge, TakeRequest } from '#domain/keys/counter-charge.js';
import type { CreditAccount, Refill } from '#domain/keys/credits.js';
import { describeWithRedis, PATIENT_MS, TestRedis } from '../../../test/support/redis-server.js';
import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { RedisConnection } from './redis-connection.js';
import { RedisCounters } from './redis-counters.js';
import { CounterLayout } from './redis-counters-layout.js';
import { FENCE } from './redis-counters-scripts.js';

const START = Date.UTC(2026, 0, 10, 12);
const HOUR = 3_600_000;
const describeRedis = await describeWithRedis();
const folder = temporaryFolder('redis-counters');

describeRedis('counters in Redis', () => {
  let redis: TestRedis;
  let one: RedisCounters;
  let other: RedisCounters;
  const connections: RedisConnection[] = [];
  const clock = new ManualClock(START);
  const account: CreditAccount = { id: 'cr', initial: 100, since: START };
  const window = (limit: number, cost = 1, id = 'w', duration = HOUR) => ({ id, limit, cost, duration });

  async function node(): Promise<RedisCounters> {
    const connection = await RedisConnection.open({
      mode: 'standalone',
      nodes: [{ host: '127.0.0.1', port: redis.port }],
      commandTimeoutMs: PATIENT_MS,
    });
    connections.push(connection);
    return RedisCounters.open(connection, clock);
  }

  beforeAll(async () => {
    redis = await TestRedis.start();
    one = await node();
    other = await node();
  });
  afterAll(async () => {
    for (const counters of [one, other]) counters?.close();
    await Promise.all(connections.map((connection) => connection.close()));
    await redis.close();
  });
  beforeEach(() => redis.ask('FLUSHALL'));

  test.each([
    [1, 20],
    [10, 20],
    [1_000, 5],
    [100_000, 1],
  ])(
    'a limit of %i asked by two nodes at full rate lets exactly so many through',
    async (limit, trials) => {
      for (let trial = 0; trial < trials; trial++) {
        const asked = Math.ceil(limit * 1.1) + 50;
        let [sent, passed] = [0, 0];
        const work = async (counters: RedisCounters) => {
          while (sent < asked) {
            sent++;
            const outcome = await counters.take({ windows: [window(limit, 1, `t${limit}-${trial}`)] }, START);
            if (outcome.passed) passed++;
          }
        };
        await Promise.all(Array.from({ length: 200 }, (_, i) => work(i % 2 ? one : other)));
        expect(passed).toBe(limit);
      }
    },
    120_000,
  );

  test('scripts flushed in between change nothing', async () => {
    const calls: Promise<{ passed: boolean }>[] = [];
    for (let n = 0; n < 400; n++) {
      calls.push((n % 2 ? one : other).take({ windows: [window(150)] }, START));
      if (n % 100 === 50) await Promise.all([redis.ask('SCRIPT FLUSH'), redis.ask('FUNCTION FLUSH')]);
    }
    expect((await Promise.all(calls)).filter(({ passed }) => passed)).toHaveLength(150);
  });

  test('a node whose clock is behind, or was ahead for a while, never grants a window twice', async () => {
    const take = (counters: RedisCounters, now: number) => counters.take({ windows: [window(1)] }, now);
    expect((await take(one, START)).passed).toBe(true);
    expect((await take(other, START + HOUR)).passed).toBe(true);
    expect((await take(one, START)).passed).toBe(false);
    expect((await take(one, START - 5_000)).passed).toBe(false);
    expect((await take(other, START + HOUR)).passed).toBe(false);
    expect(
      Number((await redis.ask(`PTTL ${new CounterLayout('counters', false).window('w')}`)).slice(1)),
    ).toBeGreaterThan(HOUR);
  });

  test('units, credits and answers under names with braces are what they are under any other', async () => {
    const odd = { windows: [window(1, 1, 'key/a}b{c%:1000')], credits: { account: { ...account, id: '}' }, cost: 1 } };
    expect(await one.take(odd, START)).toMatchObject({ passed: true, credits: 99 });
    expect(await other.take(odd, START)).toMatchObject({ passed: false, failed: 'window', credits: 99 });
  });

  test('an idempotency key is claimed by one of many calls on two nodes; after that it is answered, or free again', async () => {
    const claims = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const request = { key: 'once', requestHash: 'hash', operation: `op${i}` };
        return { request, claim: await (i % 2 === 0 ? one : other).claim(request, START) };
      }),
    );
    const mine = claims.filter(({ claim }) => claim.kind === 'mine').map(({ request }) => request);
    expect(mine).toHaveLength(1);
    const [winner] = mine as [(typeof mine)[0]];
    for (const { request, claim } of claims) {
      if (request !== winner) expect(claim).toEqual({ ...winner, key: undefined, kind: 'others' });
    }
    const loser = { ...winner, operation: 'late' };
    await other.abandon(loser); // not its own
    expect((await other.claim(loser, START)).kind).toBe('others');
    await one.abandon(winner);
    expect((await other.claim(loser, START)).kind).toBe('mine');
    await other.keep({ v: ['once', 'hash', START + HOUR, '{}'] });
    await other.abandon(loser); // answered meanwhile
    expect(await one.claim(winner, START)).toEqual({ kind: 'kept', kept: { requestHash: 'hash', answer: '{}' } });
  });

  test('an operation that two nodes do takes once and comes to the same; one that is being given back has not passed', async () => {
    const request: TakeRequest = { windows: [window(5)], credits: { account, cost: 30 }, operation: 'shared' };
    const outcomes = await Promise.all([one, other, one, other].map((counters) => counters.take(request, START)));
    expect(outcomes[0]).toMatchObject({ passed: true, credits: 70, windows: [{ remaining: 4 }] });
    for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0]);
    expect(await other.balance(account, START)).toBe(70);
    const marker = new CounterLayout('counters', false).marker('all', 'shared');
    const fence = async () => String(await connections[0]?.run((client) => FENCE.run(client, [marker], [1_000])));
    expect(await fence()).toMatch(/^p /);
    expect(await fence()).toMatch(/^p /); // asked again after a lost answer
    await expect(other.take(request, START)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
  });

  test('any sequence of calls has the outcomes that the embedded counters give', async () => {
    const seed = drawSeed('redis counters');
    const random = randomFrom(seed);
    const pick = (n: number) => Math.floor(random() * n);
    const refills: (Refill | undefined)[] = [
      undefined,
      { amount: 40, interval: 'daily' },
      { amount: 70.5, interval: 'monthly', refillDay: 31 },
    ];
    const accounts = refills.flatMap((refill, i) => [
      { id: `a${i}`, initial: 50, since: START, refill },
      { id: `b${i}`, initial: 0.1, since: START - 40 * 24 * HOUR, refill, refillFrom: START + 24 * HOUR },
    ]);
    const root = await openEnvironment(join(folder, 'twin'));
    const twin = new EmbeddedCounters(root, clock, async () => 0);
    const charges: Charge[] = [];
    let now = START;
    for (let step = 0; step < 3_000; step++) {
      now += [0, 0, 1, 997, 40_000, -20_000, 9 * HOUR, 5 * 24 * HOUR][pick(8)] as number;
      const chosen = accounts[pick(accounts.length)] as CreditAccount;
      const windows = [window(5, pick(4), 'x', 60_000), window(9, pick(3), 'y', HOUR), window(3, 1, 'z', 1_000)];
      const credits = { account: chosen, cost: pick(30) - 8 + pick(2) / 4, upToAll: pick(5) === 0 };
      const request: TakeRequest = {
        windows: windows.filter(() => pick(3) > 0),
        credits: pick(4) > 0 ? credits : undefined,
      };
      const expected = twin.take(request, now);
      const outcome = await (pick(2) ? one : other).take(request, now);
      expect({ step, ...outcome }).toEqual({ step, ...expected });
      if (outcome.charge) charges.push(outcome.charge);
      if (pick(4) === 0 && charges.length > 0) {
        const [charge] = charges.splice(pick(charges.length), 1) as [Charge];
        twin.undo(charge);
        await one.undo(charge);
      }
      if (charges.length > 20) charges.shift();
      expect(await other.balance(chosen, now)).toBe(twin.balance(chosen, now));
    }
    await root.close();
  }, 60_000);
});
