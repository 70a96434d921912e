/** Verifications whose keys, limits, credits and kept answers are in a real Redis that fails. */
import { join } from 'node:path';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { RedisCounters } from '#adapters/redis/redis-counters.js';
import type { RedisKeyNode } from '#adapters/redis/redis-key-node.js';
import { mintKey } from '#domain/keys/key-text.js';
import { eventually } from '../../../../test/support/eventually.js';
import { enforcementOf } from '../../../../test/support/fixed-enforcements.js';
import { Ingress } from '../../../../test/support/ingress.js';
import { RedisNodes } from '../../../../test/support/redis-nodes.js';
import { describeWithRedis } from '../../../../test/support/redis-server.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';

const describeRedis = await describeWithRedis();
const BACK_WITHIN_MS = 30_000;

describeRedis('verifications while Redis fails', () => {
  const folder = temporaryFolder('redis-verify');
  const servers = new RedisNodes();
  let node: RedisKeyNode;
  let counters: RedisCounters;
  let ingress: Ingress;
  let apiId: string;

  beforeAll(async () => {
    // Flushed with every write: a kill must not make it an older copy of itself.
    await servers.start(['--appendfsync', 'always']);
    node = await servers.open({ leaseMs: 2_000, renewMs: 50, onOutage: 'allow' });
    counters = await RedisCounters.open(servers.connectionOf(node), new SystemClock(), { restartMs: 200 });
    const { keys: store, enforcements, lastKnown } = node;
    const others = { store, counters, enforcements, lastKnown };
    ingress = await Ingress.open(join(folder, 'ingress'), new ManualClock(), others);
    await writable(); // what an ingress does at its start may block longer than a lease
    apiId = (await ingress.data('apis.createApi', { name: 'payments' })).apiId;
  });
  beforeEach(() => writable());
  afterAll(async () => {
    await ingress.close();
    counters.close();
    await servers.close();
  });

  const createKey = (settings: object = {}): Promise<{ keyId: string; key: string }> =>
    ingress.data('keys.createKey', { apiId, ...settings });
  const verify = (key: string, headers: Record<string, string> = {}) =>
    ingress.call('keys.verifyKey', { key }, headers);
  const lastEvent = async () => (await ingress.events()).at(-1);
  const metric = async (name: string): Promise<number> =>
    Number((await ingress.registry.getSingleMetricAsString(name)).split(' ').at(-1));

  /**
   * By design writes are refused without a lease, and also for up to a second after connections are back, while known keys
   * are answered from memory (redis-key-store.test: "after cut connections are back").
   */
  function writable(): Promise<void> {
    const check = () => expect([node.directory.breaker.open, node.lease.holds]).toEqual([false, true]);
    return eventually(check, BACK_WITHIN_MS);
  }

  async function whileAway(check: () => Promise<void>): Promise<void> {
    await servers.redis.kill9();
    try {
      await eventually(() => expect([node.directory.breaker.open, node.lease.holds]).toEqual([true, false]));
      await check();
    } finally {
      await servers.redis.restart();
    }
    await writable();
  }

  test('an answer that a full Redis cannot keep is given all the same, counted, and ends no process', async () => {
    const { key } = await createKey();
    const once = { 'idempotency-key': 'full' };
    await servers.redis.ask('CONFIG SET maxmemory 1');
    expect((await verify(key, once)).json().data.code).toBe('VALID');
    expect(await metric('keymeter_kept_answers_lost_total')).toBe(1);
    await servers.redis.ask('CONFIG SET maxmemory 0');
    const repeat = await verify(key, once);
    expect(repeat.headers['idempotent-replayed']).toBeUndefined(); // verified anew
    const replay = await verify(key, once);
    expect([replay.headers['idempotent-replayed'], replay.body]).toEqual(['true', repeat.body]);
  });

  // A rejection that nobody awaits fails the test, as it ends the process.
  test('connections cut again and again under verifications: each is answered, and no failure is left alone', async () => {
    const limits = [{ name: 'requests', limit: 1_000, duration: 3_600_000, autoApply: true }];
    const { key } = await createKey({ ratelimits: limits, credits: { remaining: 1_000 } });
    let answered = 0;
    for (let round = 0; round < 20; round++) {
      const calls = Array.from({ length: 20 }, async (_, n) => {
        const answer = await verify(key, n % 2 ? { 'idempotency-key': `cut-${round}-${n}` } : {});
        expect([200, 503]).toContain(answer.statusCode);
        answered++;
      });
      await new Promise(setImmediate);
      await servers.redis.ask('CLIENT KILL TYPE normal');
      await Promise.all(calls);
    }
    expect(answered).toBe(400);
    await eventually(() => expect(counters.repairs.waiting).toBe(0), BACK_WITHIN_MS);
    await eventually(async () => {
      const { data } = (await verify(key)).json();
      expect(data.unverified).toBeUndefined();
      expect(1_000 - data.credits).toBe(1_000 - data.ratelimits[0].remaining);
    }, BACK_WITHIN_MS);
  });

  test('told to allow, a key last known VALID is answered, marked and counted; others are 503', async () => {
    const limits = [{ name: 'requests', limit: 1, duration: 3_600_000, autoApply: true }];
    const limited = await createKey({ ratelimits: limits, credits: { remaining: 1 } });
    const [unseen, expired] = [await createKey(), await createKey({ expires: ingress.clock.now() + 60_000 })];
    expect((await verify(limited.key)).json().data).toMatchObject({ code: 'VALID', credits: 0 });
    expect((await verify(limited.key)).json().data.code).toBe('RATE_LIMITED');
    expect((await verify(expired.key)).json().data.code).toBe('VALID');
    ingress.clock.advance(60_000);
    const before = await metric('keymeter_verifies_unverified_total');
    await whileAway(async () => {
      for (const headers of [undefined, { 'idempotency-key': 'away' }]) {
        const { data } = (await verify(limited.key, headers)).json();
        expect(data).toEqual({ valid: true, code: 'VALID', unverified: true, keyId: limited.keyId, enabled: true });
        expect((await lastEvent())?.data).toMatchObject({ outcome: 'VALID', keyId: limited.keyId, unverified: true });
      }
      expect((await verify(expired.key)).json().data).toMatchObject({ code: 'EXPIRED', unverified: true });
      for (const key of [unseen.key, mintKey('sk', Buffer.alloc(16, 7)).key]) {
        const refused = await verify(key);
        expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '1']);
      }
    });
    expect(await metric('keymeter_verifies_unverified_total')).toBe(before + 3);
    await eventually(async () => {
      expect((await verify(limited.key)).json().data).toMatchObject({ code: 'RATE_LIMITED', credits: 0 });
    }, BACK_WITHIN_MS);
    expect((await verify(unseen.key)).json().data).toEqual(expect.not.objectContaining({ unverified: true }));
    expect((await lastEvent())?.data).not.toHaveProperty('unverified');
  });

  test('told to allow, a key whose revocation this node knows is never VALID', async () => {
    const [gone, disabled] = [await createKey(), await createKey()];
    for (const { key } of [gone, disabled]) expect((await verify(key)).json().data.code).toBe('VALID');
    await ingress.data('keys.deleteKey', { keyId: gone.keyId });
    await ingress.data('keys.updateKey', { keyId: disabled.keyId, enabled: false });
    await whileAway(async () => {
      for (const { key } of [gone, disabled]) expect((await verify(key)).statusCode).toBe(503);
    });
  });

  test('told to allow, a suspension that this node knows still holds', async () => {
    const { key, keyId } = await createKey();
    const enforcement = enforcementOf({ target: { per: 'key', value: keyId }, action: { type: 'suspend' } });
    await node.enforcements.enforce(enforcement);
    expect((await verify(key)).json().data.code).toBe('DISABLED');
    await whileAway(async () => {
      const { data } = (await verify(key)).json();
      expect(data).toMatchObject({ code: 'DISABLED', unverified: true, enforcement: { action: 'suspend' } });
    });
  });
});
