import { ManualClock } from '#adapters/clock/manual-clock.js';
import { describeCounters } from '#contracts/counters.contract.js';
import { describeWithRedis, PATIENT_MS, TestRedis } from '../../../test/support/redis-server.js';
import { RedisConnection } from './redis-connection.js';
import { RedisCounters } from './redis-counters.js';

const describeRedis = await describeWithRedis();

for (const mode of ['standalone', 'cluster'] as const) {
  describeRedis(`Redis, ${mode}`, () => {
    let redis: TestRedis;
    let connection: RedisConnection;

    beforeAll(async () => {
      redis = mode === 'cluster' ? await TestRedis.startCluster() : await TestRedis.start();
      connection = await RedisConnection.open({
        mode,
        nodes: [{ host: '127.0.0.1', port: redis.port }],
        commandTimeoutMs: PATIENT_MS,
      });
    });
    afterAll(async () => {
      await connection?.close();
      await redis.close();
    });

    describeCounters(`in Redis, ${mode}`, async () => {
      await redis.ask('FLUSHALL');
      const counters = await RedisCounters.open(connection, new ManualClock());
      return { counters, close: async () => counters.close() };
    });
  });
}
