/** Verifications whose limits, credits and kept answers are in a real Redis that fails. */
import { join } from 'node:path';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { RedisConnection } from '#adapters/redis/redis-connection.js';
import { RedisCounters } from '#adapters/redis/redis-counters.js';
import { Ingress } from '../../../../test/support/ingress.js';
import { describeWithRedis, TestRedis } from '../../../../test/support/redis-server.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';

const describeRedis = await describeWithRedis();

describeRedis('verifications while Redis fails', () => {
  const folder = temporaryFolder('redis-verify');
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

  test('an answer that a full Redis cannot keep is given all the same, counted, and ends no process', async () => {
    const { key } = await ingress.data('keys.createKey', { apiId });
    const once = { 'idempotency-key': 'full' };
    await redis.ask('CONFIG SET maxmemory 1');
    const answer = await ingress.call('keys.verifyKey', { key }, once);
    expect(answer.json().data.code).toBe('VALID');
    const metric = await ingress.registry.getSingleMetricAsString('keymeter_kept_answers_lost_total');
    expect(metric).toMatch(/^keymeter_kept_answers_lost_total 1$/m);
    await redis.ask('CONFIG SET maxmemory 0');
    const repeat = await ingress.call('keys.verifyKey', { key }, once);
    expect(repeat.headers['idempotent-replayed']).toBeUndefined(); // verified anew
    const replay = await ingress.call('keys.verifyKey', { key }, once);
    expect([replay.headers['idempotent-replayed'], replay.body]).toEqual(['true', repeat.body]);
  });
});
