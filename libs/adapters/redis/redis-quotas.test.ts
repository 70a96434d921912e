import { QuotaBoard } from '#domain/policies/quota-board.js';
import { eventually } from '../../../test/support/eventually.js';
import { describeWithRedis, TestRedis } from '../../../test/support/redis-server.js';
import { RedisConnection } from './redis-connection.js';
import { hearQuotas, tellQuotas } from './redis-quotas.js';

const quota = { policyId: 'p', policyName: 'daily', per: 'key' as const, limit: 5 };
const news = (used: number) => ({
  quotas: [quota],
  standings: [{ policyId: 'p', value: 'k', used, start: 0, end: 9 }],
});

(await describeWithRedis())('quotas through Redis', () => {
  let redis: TestRedis;
  let connection: RedisConnection;
  beforeAll(async () => {
    redis = await TestRedis.start();
    connection = await RedisConnection.open({ mode: 'standalone', nodes: [{ host: '127.0.0.1', port: redis.port }] });
  });
  afterAll(async () => {
    await connection.close();
    await redis.close();
  });

  test('who listens hears what is told of its own log, whatever else is said there, and again after a lost connection', async () => {
    const [board, other] = [new QuotaBoard(), new QuotaBoard()];
    const subscriptions = [await hearQuotas(connection, 'log', board), await hearQuotas(connection, 'other', other)];
    const used = () => board.of('key', 'k', 0)[0]?.standing.used;
    try {
      for (const noise of ['no JSON', '{"quotas":1}', '']) {
        await connection.run((client) => client.publish('keymeter:quotas:log', noise));
      }
      await tellQuotas(connection, 'log', news(1));
      await eventually(() => expect(used()).toBe(1));
      await redis.ask('CLIENT KILL TYPE pubsub');
      await eventually(async () => {
        await tellQuotas(connection, 'log', news(2));
        expect(used()).toBe(2);
      });
      expect(other.of('key', 'k', 0)).toEqual([]);
    } finally {
      for (const subscription of subscriptions) await subscription.close();
    }
  });
});
