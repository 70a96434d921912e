import { enforcementOf } from '#contracts/enforcement-store.contract.js';
import { identityRecord, keyRecord } from '#contracts/key-store.contract.js';
import type { DirectoryRecord } from '#domain/keys/directory-record.js';
import { policyOf } from '#domain/policies/policy-fixture.js';
import { RedisNodes } from '../../../test/support/redis-nodes.js';
import { describeWithRedis } from '../../../test/support/redis-server.js';
import type { RedisKeyNode } from './redis-key-node.js';

const describeRedis = await describeWithRedis();
const KEYS = 700; // more than a page, and more than a hash keeps in one piece

/** A compacted log. */
class KeptLog {
  readonly last = new Map<string, DirectoryRecord>();

  readonly append = async (records: readonly DirectoryRecord[]): Promise<void> => {
    await new Promise(setImmediate);
    for (const entry of records) this.last.set(`${entry.kind} ${entry.id}`, entry);
  };

  async *read(): AsyncGenerator<DirectoryRecord> {
    yield* this.last.values();
  }
}

describeRedis('a log of keys that was never told of this Redis', () => {
  const redis = new RedisNodes();
  beforeAll(() => redis.start());
  afterAll(() => redis.close());
  beforeEach(() => redis.redis.ask('FLUSHALL'));

  const open = (log: KeptLog, logId: string) =>
    redis.open({ leaseMs: 300, renewMs: 50, append: log.append, logId, installation: 'one' });

  async function everything({ keys, policies, enforcements }: RedisKeyNode) {
    const listed = await keys.listKeys({ apiId: 'api_1', limit: 9_999 });
    return {
      keys: listed.map(({ key, identity }) => [JSON.stringify(key), identity?.externalId]).sort(),
      policies: await policies.list(),
      roots: await keys.listRootKeys(),
      enforcements: (await enforcements.list({ limit: 9 })).map(({ id }) => id),
    };
  }

  test('is told everything once, also of what is changed meanwhile, and Redis comes back from it', async () => {
    const former = new KeptLog();
    const before = await open(former, 'old topic');
    const records = Array.from({ length: KEYS }, () => keyRecord());
    for (const [n, key] of records.entries()) {
      await before.keys.insertKey(key, n % 100 === 0 ? identityRecord(`user_${n}`) : undefined);
    }
    await before.keys.putRootKey({ id: 'r1', hash: 'h', start: 's', name: 'n', rights: ['*'], createdAt: 1 });
    await before.policies.commit({ kind: 'put', policy: policyOf(), rowId: 'row' }, { partition: 0, offset: 1 });
    await before.enforcements.enforce(enforcementOf('enf_1', 0));
    expect(await before.publication?.ensure()).toBeGreaterThan(KEYS); // this Redis was new to it
    await redis.end(before);

    const log = new KeptLog();
    const [node, other] = [await open(log, 'new topic'), await open(log, 'new topic')];
    const telling = Promise.all([node, other].map(({ publication }) => publication?.ensure()));
    for (const { id } of records.slice(0, 50)) await node.keys.removeKey(id, 5, true);
    for (const { id } of records.slice(50, 90)) {
      await other.keys.changeKey(id, { apply: (key) => ({ ...key, enabled: false }) });
    }
    expect(Math.min(...(await telling).map(Number))).toBeGreaterThan(KEYS - 50);
    for (const { publication } of [node, other]) expect(await publication?.ensure()).toBe(0);
    await redis.end(other);

    const known = await everything(node);
    expect(known.keys).toHaveLength(KEYS - 50);
    await redis.redis.ask('FLUSHALL');
    await expect(node.keys.listKeys({ apiId: 'api_1', limit: 1 })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await node.rebuild(log.read());
    expect(await everything(node)).toEqual(known);
    expect(await node.publication?.ensure()).toBe(0); // it came from this log
    await redis.end(node);
  }, 120_000); // 700 keys one after the other
});
