/** Meters and policies come back when Redis is emptied, as the log of keys was told of them. */
import type { DirectoryRecord } from '#domain/keys/directory-record.js';
import { createMeter, type Meter, meterDefinition } from '#domain/meters/meter.js';
import { policyOf } from '#domain/policies/policy-fixture.js';
import { proposalOf } from '#domain/policies/policy-proposal.js';
import type { PolicyIntent } from '#ports/policy-store.js';
import { RedisNodes } from '../../../test/support/redis-nodes.js';
import { describeWithRedis } from '../../../test/support/redis-server.js';
import type { RedisKeyNode } from './redis-key-node.js';

const describeRedis = await describeWithRedis();
const lost = { code: 'STORE_UNAVAILABLE', cause: expect.objectContaining({ code: 'EPOCH_LOST' }) };
const position = { partition: 3, offset: 7 };

const meter = (slug: string, id: string): Meter =>
  createMeter(meterDefinition.parse({ slug, aggregation: 'COUNT', eventType: 't' }), id, 1);
const put = (name: string): PolicyIntent => ({ kind: 'put', policy: { ...policyOf({ name }), id: name }, rowId: name });

describeRedis('meters and policies of a lost Redis', () => {
  const redis = new RedisNodes();
  let told: DirectoryRecord[] = [];
  let node: RedisKeyNode;

  beforeAll(() => redis.start());
  afterAll(() => redis.close());
  beforeEach(async () => {
    await redis.redis.ask('FLUSHALL');
    told = [];
    const append = async (records: readonly DirectoryRecord[]) => void told.push(...records);
    node = await redis.open({ leaseMs: 300, renewMs: 50, append });
  });
  afterEach(() => redis.end(node));

  /** `compacted`: only the last record of each id, in the order of the last ones. */
  async function loseAndRebuild(compacted: boolean): Promise<void> {
    await redis.redis.ask('FLUSHALL');
    for (const asked of [node.meters.list(), node.policies.list(), node.meters.find('m')]) {
      await expect(asked).rejects.toMatchObject(lost);
    }
    const last = new Map<string, DirectoryRecord>();
    for (const record of told) {
      const key = `${record.kind} ${record.id}`;
      last.delete(key);
      last.set(key, record);
    }
    const records = compacted ? [...last.values()] : told;
    await node.rebuild(
      (async function* () {
        yield* records;
      })(),
    );
  }

  test.each([true, false])(
    'meters, their slugs and what was built in once are there again (compacted: %s)',
    async (compacted) => {
      const { meters } = node;
      const [first, second, other] = [meter('a', 'id-1'), meter('a', 'id-2'), meter('b', 'id-3')];
      const [builtIn, deleted] = [meter('requests', 'id-4'), meter('events', 'id-5')];
      await meters.ensureBuiltIn([builtIn, deleted]);
      await meters.create(first);
      await meters.remove(first.id, 5);
      for (const it of [second, other]) expect(await meters.create(it)).toBe('created');
      await meters.update(other.id, (it) => ({ ...it, name: 'renamed' }));
      await meters.remove(deleted.id, 6);
      const before = await meters.list({ includeDeleted: true });
      await loseAndRebuild(compacted);
      const byId = (list: readonly Meter[]) => [...list].sort((x, y) => (x.id < y.id ? -1 : 1));
      expect(byId(await meters.list({ includeDeleted: true }))).toEqual(byId(before));
      expect(await meters.find('a')).toEqual(second);
      expect((await meters.find('b'))?.name).toBe('renamed');
      expect(await meters.create(meter('b', 'id-6'))).toBe('slug_taken');
      await meters.ensureBuiltIn([meter('requests', 'id-7'), meter('events', 'id-8')]);
      expect(await meters.find('events')).toBeUndefined();
      expect((await meters.find('requests'))?.id).toBe(builtIn.id);
    },
  );

  test('policies are there again with their positions, removed ones are not, and what was on its way still is', async () => {
    const { policies } = node;
    for (const name of ['kept', 'gone', 'given-up']) await policies.intend(put(name));
    for (const name of ['kept', 'gone']) await policies.commit(put(name), position);
    await policies.abandon(put('given-up'));
    await policies.commit({ ...put('gone'), kind: 'delete' }, position);
    await policies.intend(put('on-its-way'));
    await loseAndRebuild(false);
    expect(await policies.list()).toEqual([{ policy: put('kept').policy, position }]);
    expect(await policies.intents()).toEqual([put('on-its-way')]);
  });

  test('what waits for a second person still does, what was withdrawn or approved does not', async () => {
    const { policies } = node;
    const [waits, ...others] = ['waits', 'withdrawn', 'approved'].map((name) => proposalOf(put(name).policy, {}, 5));
    for (const proposal of [waits, ...others]) if (proposal) await policies.propose(proposal);
    await policies.withdraw('withdrawn');
    const approval = { by: { id: 'root_2', name: 'sec' }, at: 9, proposedAt: 5, digest: 'd' };
    await policies.commit({ ...put('approved'), written: { approval } }, position);
    await loseAndRebuild(true);
    expect(await policies.proposals()).toEqual([waits]);
    expect((await policies.version('approved', 1))?.approval).toEqual(approval);
  });
});
