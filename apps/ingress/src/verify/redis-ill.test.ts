/** Faults, row 23: a real Redis that is full, read-only, busy with a script, or still loading its data. */
import { join } from 'node:path';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { RedisConnection } from '#adapters/redis/redis-connection.js';
import { RedisCounters } from '#adapters/redis/redis-counters.js';
import type { RedisKeyNode } from '#adapters/redis/redis-key-node.js';
import { eventually } from '../../../../test/support/eventually.js';
import { freePort } from '../../../../test/support/free-port.js';
import { Ingress } from '../../../../test/support/ingress.js';
import { RedisNodes } from '../../../../test/support/redis-nodes.js';
import { describeWithRedis } from '../../../../test/support/redis-server.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';

const describeRedis = await describeWithRedis();
const WELL_WITHIN_MS = 30_000;
const LIMIT = 4;

/** Enough that loading answers others in between, and takes about a second. */
const LOADED_KEYS = 5_000;
const LOAD_DELAY_US = 200;
const SET_AT_ONCE = 250;

describeRedis('verifications of an ill Redis', () => {
  const folder = temporaryFolder('redis-ill');
  const servers = new RedisNodes();
  let node: RedisKeyNode;
  let counters: RedisCounters;
  let ingress: Ingress;
  let apiId: string;

  beforeAll(async () => {
    await servers.start(['--appendfsync', 'always', '--key-load-delay', String(LOAD_DELAY_US)]);
    node = await servers.open({ leaseMs: 2_000, renewMs: 50 });
    counters = await RedisCounters.open(servers.connectionOf(node), new SystemClock(), { restartMs: 200 });
    const others = { store: node.keys, counters, enforcements: node.enforcements };
    ingress = await Ingress.open(join(folder, 'ingress'), new ManualClock(), others);
    apiId = (await ingress.data('apis.createApi', { name: 'payments' })).apiId;
  });
  afterAll(async () => {
    await ingress.close();
    counters.close();
    await servers.close();
  });

  /** Makes it ill; resolves with what makes it well. */
  const illnesses: Record<string, () => Promise<() => Promise<unknown>>> = {
    OOM: async () => {
      await servers.redis.ask('CONFIG SET maxmemory 1');
      return () => servers.redis.ask('CONFIG SET maxmemory 0');
    },
    READONLY: async () => {
      await servers.redis.ask(`REPLICAOF 127.0.0.1 ${await freePort()}`);
      return () => servers.redis.ask('REPLICAOF NO ONE');
    },
    BUSY: async () => {
      await servers.redis.ask('CONFIG SET busy-reply-threshold 10');
      const nodes = [{ host: '127.0.0.1', port: servers.redis.port }];
      const other = await RedisConnection.open({ mode: 'standalone', nodes, commandTimeoutMs: 60_000 });
      const endless = other.run((client) => client.eval('while true do end', 0)).catch(() => undefined);
      await eventually(async () => expect(await servers.redis.ask('PING')).toContain('BUSY'));
      return async () => {
        await servers.redis.ask('SCRIPT KILL');
        await endless;
        await other.close();
      };
    },
    LOADING: async () => {
      const { client } = servers.connectionOf(node);
      for (let set = 0; set < LOADED_KEYS; set += SET_AT_ONCE) {
        await Promise.all(Array.from({ length: SET_AT_ONCE }, (_, n) => client.set(`ballast:${set + n}`, 'x')));
      }
      await servers.redis.kill9();
      const loaded = servers.redis.restart();
      await eventually(async () => {
        expect(await servers.redis.ask('PING').catch((error: Error) => error.message)).toContain('LOADING');
      });
      return () => loaded;
    },
  };

  test.each(Object.keys(illnesses))(
    '%s: limits refuse with 503 instead of guessing, nobody is NOT_FOUND, and the limit is exact afterwards',
    async (name) => {
      const ratelimits = [{ name: 'requests', limit: LIMIT, duration: 86_400_000, autoApply: true }];
      const { key } = await ingress.data('keys.createKey', { apiId, ratelimits });
      const plain = await ingress.data('keys.createKey', { apiId });
      const verify = (presented: string) => ingress.call('keys.verifyKey', { key: presented });
      for (const presented of [key, plain.key]) expect((await verify(presented)).json().data.code).toBe('VALID');

      const well = await illnesses[name]?.();
      for (let n = 0; n < 5; n++) {
        const refused = await verify(key);
        expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '1']);
        const plainly = await verify(plain.key); // needs no counter: from memory while the lease holds
        const said = plainly.statusCode === 200 ? plainly.json().data.code : String(plainly.statusCode);
        expect(['VALID', '503']).toContain(said);
      }
      expect((await ingress.call('keys.createKey', { apiId })).statusCode).toBe(503);
      await well?.();

      let passed = 1;
      await eventually(async () => {
        const answer = await verify(key);
        if (answer.statusCode === 200 && answer.json().data.code === 'VALID') passed++;
        expect(answer.statusCode === 200 && answer.json().data.code).toBe('RATE_LIMITED');
      }, WELL_WITHIN_MS);
      expect(passed).toBe(LIMIT);
      await eventually(async () => expect((await verify(plain.key)).statusCode).toBe(200), WELL_WITHIN_MS);
      // Reads and counts may be well before writes are: the first of those may still meet a connection that breaks.
      await eventually(
        async () => expect((await ingress.call('keys.createKey', { apiId })).statusCode).toBe(200),
        WELL_WITHIN_MS,
      );
      expect(node.loss).toBeUndefined();
    },
    60_000,
  );
});
