import { enforcementOf } from '#contracts/enforcement-store.contract.js';
import { identityRecord, keyRecord } from '#contracts/key-store.contract.js';
import { KeymeterError } from '#domain/errors.js';
import type { DirectoryRecord } from '#domain/keys/directory-record.js';
import { RedisNodes } from '../../../test/support/redis-nodes.js';
import { describeWithRedis } from '../../../test/support/redis-server.js';
import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import type { RedisKeyDirectory } from './redis-key-directory.js';
import { RedisKeyJournal } from './redis-key-journal.js';
import type { RedisKeyNode } from './redis-key-node.js';

const describeRedis = await describeWithRedis();

/** A compacted log: the last word about each record. Slow, and now and then it fails before or after the append. */
function unreliableLog(random: () => number, failing: number) {
  const last = new Map<string, DirectoryRecord>();
  const append = async (records: readonly DirectoryRecord[]) => {
    for (let turns = Math.floor(random() * 8); turns > 0; turns--) await new Promise(setImmediate);
    const fate = random();
    if (fate > failing / 2) for (const entry of records) last.set(`${entry.kind} ${entry.id}`, entry);
    if (fate < failing) throw new KeymeterError('LOG_UNAVAILABLE', 'injected', { retryable: true });
  };
  async function* replay(): AsyncGenerator<DirectoryRecord> {
    yield* last.values();
  }
  return { append, replay };
}

test('a write that meets no other tells the log what it wrote and asks Redis once more; one that does tells what came of it', async () => {
  const told: (readonly DirectoryRecord[])[] = [];
  const asked: string[] = [];
  const mine = JSON.stringify(keyRecord());
  const theirs = JSON.stringify(keyRecord());
  let met = false;
  const directory = {
    commit: async () => {
      asked.push('commit');
      return { done: !met || told.length > 1 };
    },
    fetch: async () => {
      asked.push('fetch');
      return [theirs];
    },
  } as unknown as RedisKeyDirectory;
  const journal = new RedisKeyJournal(directory, async (records) => void told.push(records));
  const record = (text: string) => [{ kind: 'key', id: 'k', record: JSON.parse(text) }];
  await journal.settleWritten(journal.marks([['set', 'keys', 'k', mine]]));
  expect([told, asked]).toEqual([[record(mine)], ['commit']]);
  told.length = asked.length = 0;
  met = true;
  await journal.settleWritten(journal.marks([['set', 'keys', 'k', mine]]));
  expect([told, asked]).toEqual([
    [record(mine), record(theirs)],
    ['commit', 'fetch', 'commit'],
  ]);
});

describeRedis('journal of keys', () => {
  const redis = new RedisNodes();
  beforeAll(() => redis.start());
  afterAll(() => redis.close());

  const hashes = ['apis', 'keys', 'hashes', 'identities', 'externals', 'roots', 'enforcements'];
  const lists = ['listed', 'enforcement-lists', 'holding'];

  async function contents(node: RedisKeyNode, name: string): Promise<Record<string, unknown>> {
    const { client } = redis.connectionOf(node);
    const all: Record<string, unknown> = {};
    for (const part of hashes) all[part] = await client.hgetall(`{${name}}:${part}`);
    for (const part of lists) all[part] = await client.zrange(`{${name}}:${part}`, '0', '-1');
    return all;
  }

  /** One of a few keys, roots, identities and enforcements, so that writers meet. */
  async function act({ keys, enforcements }: RedisKeyNode, random: () => number, ids: string[]): Promise<void> {
    const n = Math.floor(random() * 4);
    const id = ids[n] as string;
    const owner = identityRecord(`user_${n}`);
    const actions: (() => Promise<unknown>)[] = [
      () => {
        const key = keyRecord();
        ids[n] = key.id;
        return keys.insertKey(key, random() < 0.5 ? owner : undefined);
      },
      () => keys.changeKey(id, { apply: (it) => ({ ...it, name: String(random()) }) }),
      () => keys.changeKey(id, { link: random() < 0.5 ? owner : null, apply: (it) => it }),
      () => keys.replaceKey(id, (old) => ({ old: { ...old, expires: 5 }, successor: keyRecord() })),
      () => keys.removeKey(id, 3, random() < 0.5),
      () => keys.putApi({ id: `api_${n}`, name: String(random()), createdAt: 1 }),
      () => keys.putRootKey({ id: `r${n}`, hash: String(random()), start: 's', name: 'n', rights: [], createdAt: 1 }),
      () => keys.removeRootKey(`r${n}`),
      () => enforcements.enforce(enforcementOf(`e${n}`, Date.now(), { until: null })),
      () => enforcements.lift(`e${n}`, { at: 1, by: 'x', reason: 'y' }),
    ];
    await actions[Math.floor(random() * actions.length)]?.();
  }

  test('whatever writers meet or fail, a rebuild from the log gives what Redis held', async () => {
    const random = randomFrom(drawSeed('journal'));
    for (let trial = 0; trial < 4; trial++) {
      const name = `journal-${trial}`;
      const log = unreliableLog(random, 0.15);
      const options = { name, append: log.append, leaseMs: 200, renewMs: 50 };
      const nodes = [await redis.open(options), await redis.open(options)];
      const ids = Array.from({ length: 4 }, () => keyRecord().id);
      let failed = 0;
      const writer = async (n: number) => {
        for (let turn = 0; turn < 60; turn++) {
          await act(nodes[n % 2] as RedisKeyNode, random, ids).catch((error: unknown) => {
            expect(error).toMatchObject({ code: 'LOG_UNAVAILABLE' });
            failed++;
          });
        }
      };
      await Promise.all([0, 1, 2, 3].map(writer));
      expect(failed).toBeGreaterThan(5);
      const [first] = nodes as [RedisKeyNode];
      const { client } = redis.connectionOf(first);
      for (let sweeps = 0; (await client.zcard(`{${name}}:unpublished`)) > 0; sweeps++) {
        expect(sweeps).toBeLessThan(100);
        await first.journal?.sweep(1_000).catch(() => undefined);
      }
      const before = await contents(first, name);
      expect(Object.keys(before['keys'] as object).length).toBeGreaterThan(0);
      await client.flushall();
      await first.rebuild(log.replay());
      expect(await contents(first, name)).toEqual(before);
      for (const node of nodes) await redis.end(node);
    }
  });

  test('a write whose log fails is refused as retryable, though it may stand; the sweep after next logs it', async () => {
    const told: DirectoryRecord[] = [];
    let failing = true;
    const node = await redis.open({
      name: 'swept',
      append: async (records) => {
        if (failing) throw new KeymeterError('LOG_UNAVAILABLE', 'injected', { retryable: true });
        told.push(...records);
      },
    });
    const key = keyRecord();
    await expect(node.keys.insertKey(key)).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE', retryable: true });
    failing = false;
    await node.journal?.sweep(10);
    expect(told).toEqual([]);
    await node.journal?.sweep(10);
    expect(told).toEqual([{ kind: 'key', id: key.id, record: key }]);
    await node.journal?.sweep(10);
    expect(told).toHaveLength(1);
  });
});
