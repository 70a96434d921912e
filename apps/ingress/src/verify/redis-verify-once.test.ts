/** One Idempotency-Key on two nodes whose counters and kept answers are in a real Redis. */
import { join } from 'node:path';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { RedisConnection } from '#adapters/redis/redis-connection.js';
import { RedisCounters } from '#adapters/redis/redis-counters.js';
import { Ingress } from '../../../../test/support/ingress.js';
import { describeWithRedis, TestRedis } from '../../../../test/support/redis-server.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';

const describeRedis = await describeWithRedis();

describeRedis('one call on two nodes', () => {
  const folder = temporaryFolder('redis-verify-once');
  const clock = new ManualClock();
  let redis: TestRedis;
  let connection: RedisConnection;
  let counters: RedisCounters;
  let ingress: Ingress;
  let apiId: string;

  beforeAll(async () => {
    redis = await TestRedis.start();
    const nodes = [{ host: '127.0.0.1', port: redis.port }];
    connection = await RedisConnection.open({ mode: 'standalone', nodes });
    counters = await RedisCounters.open(connection, clock);
    ingress = await Ingress.open(join(folder, 'ingress'), clock, { counters });
    apiId = (await ingress.data('apis.createApi', { name: 'payments' })).apiId;
  });
  afterAll(async () => {
    await ingress.close();
    counters.close();
    await connection.close();
    await redis.close();
  });

  test('what a node that does not come back has begun is ended by another one: charged once, under one id', async () => {
    const { key, keyId } = await ingress.data('keys.createKey', { apiId, credits: { remaining: 100 } });
    const once = { 'idempotency-key': 'taken-over' };
    const first = await ingress.call('keys.verifyKey', { key }, once);
    expect(first.json().data.credits).toBe(99);
    // As if another node had claimed the call and taken the credit, and nothing more.
    const places = await connection.run((client) => client.keys('counters:v:*'));
    const kept = await Promise.all(places.map(async (place) => connection.run((client) => client.get(place))));
    const at = kept.findIndex((text) => text?.includes(keyId));
    const [requestHash] = JSON.parse(kept[at] as string);
    const claim = JSON.stringify([requestHash, 'req_dead']);
    await connection.run((client) => client.set(places[at] as string, claim));
    const account = (await ingress.store.findKey(keyId))?.key.credits;
    if (account === undefined) throw new Error('the key has credits');
    await counters.take({ windows: [], credits: { account, cost: 1 }, operation: 'req_dead' }, clock.now());

    const repeat = ingress.call('keys.verifyKey', { key }, once);
    const advancing = setInterval(() => clock.advance(100), 20);
    const answer = await repeat;
    clearInterval(advancing);
    expect(answer.json()).toMatchObject({ meta: { requestId: 'req_dead' }, data: { code: 'VALID', credits: 98 } });
    expect(await counters.balance(account, clock.now())).toBe(98);
    const events = (await ingress.events()).filter(({ id }) => id === 'req_dead');
    expect(events).toMatchObject([{ source: 'keymeter/ingress', subject: keyId }]);
    const other = await ingress.call('keys.verifyKey', { key: 'sk_other' }, once);
    expect(other.statusCode).toBe(409);
  });
});
