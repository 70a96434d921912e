import { describeWebhookDeliveryStore, type OpenDeliveryStore } from '#contracts/webhook-delivery-store.contract.js';
import {
  describeWebhookEndpointStore,
  endpointOf,
  type OpenEndpointStore,
} from '#contracts/webhook-endpoint-store.contract.js';
import type { DirectoryRecord } from '#domain/keys/directory-record.js';
import { changedEndpoint } from '#domain/webhooks/webhook-endpoint.js';
import { RedisNodes } from '../../../test/support/redis-nodes.js';
import { describeWithRedis, PATIENT_MS } from '../../../test/support/redis-server.js';
import { RedisConnection } from './redis-connection.js';
import { RedisWebhookDeliveryStore } from './redis-webhook-delivery-store.js';

const describeRedis = await describeWithRedis();
let count = 0;

for (const mode of ['standalone', 'cluster'] as const) {
  describeRedis(`webhooks in Redis, ${mode}`, () => {
    const nodes = new RedisNodes(mode);
    beforeAll(() => nodes.start());
    afterAll(() => nodes.close());

    const connect = () =>
      RedisConnection.open({
        mode,
        nodes: [{ host: '127.0.0.1', port: nodes.redis.port }],
        commandTimeoutMs: PATIENT_MS,
      });

    async function openDeliveries(name = `n${count++}`): Promise<OpenDeliveryStore> {
      const connections = [await connect(), await connect()] as const;
      const [store, other] = connections.map((it) => new RedisWebhookDeliveryStore(it, name, 3));
      const close = async () => {
        for (const it of connections) await it.close();
      };
      const reopen = async () => {
        await close();
        return openDeliveries(name);
      };
      return { store: store as RedisWebhookDeliveryStore, other, close, reopen };
    }

    async function openEndpoints(name = `e${count++}`): Promise<OpenEndpointStore> {
      const node = await nodes.open({ name, maxWebhooks: 3 });
      const close = () => nodes.end(node);
      const reopen = async () => {
        await close();
        return openEndpoints(name);
      };
      return { store: node.webhooks, close, reopen };
    }

    describeWebhookDeliveryStore(`Redis, ${mode}`, () => openDeliveries());
    describeWebhookEndpointStore(`Redis, ${mode}`, () => openEndpoints());

    test('endpoints of a lost Redis are there again with their secrets, as the log of keys was told of them', async () => {
      const told: DirectoryRecord[] = [];
      const append = async (records: readonly DirectoryRecord[]) => void told.push(...records);
      const node = await nodes.open({ name: `lost-${mode}`, leaseMs: 300, renewMs: 50, append });
      for (const id of ['wh_kept', 'wh_gone']) await node.webhooks.create(endpointOf(id));
      const kept = await node.webhooks.update('wh_kept', (it) => changedEndpoint(it, { description: 'ours' }, 5));
      await node.webhooks.remove('wh_gone');
      await nodes.redis.ask('FLUSHALL');
      await expect(node.webhooks.list()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
      await node.rebuild(
        (async function* () {
          yield* told;
        })(),
      );
      expect(await node.webhooks.list()).toEqual([kept]);
      await nodes.end(node);
    });
  });
}
