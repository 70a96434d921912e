import { encodeRow } from '#domain/events/usage-row.js';
import { decodeFrame, encodeFrame } from '#domain/log/frame.js';
import { partitionOf } from '#domain/log/partitioning.js';
import { PARTITION_SPLIT, splitFrame } from '#domain/log/split-row.js';
import { changeEvent, POLICY_PUT } from '#domain/policies/policy-change.js';
import { frameOf } from '../../test/support/event-rows.js';
import { Deduplicator } from './deduplicator.js';
import { decideRecords } from './frame-decoder.js';
import { FrameRouter } from './frame-router.js';
import { RowSieve } from './row-sieve.js';

const NOW = Date.UTC(2026, 4, 17);
const subjects = Array.from({ length: 400 }, (_, n) => `subject ${n}`);
const of = (partition: number, partitions: number) =>
  subjects.filter((it) => partitionOf(it, partitions) === partition);
/** Nothing is stored. */
const store = { withHashes: async () => [], identityHashes: async function* () {} };
const frame = (ids: readonly string[]) =>
  frameOf(
    ids.map((id) => ({ id, subject: id, time: NOW })),
    NOW,
  );
const records = (values: readonly Buffer[], first = 0, partition = 1) =>
  values.map((value, i) => ({ partition, offset: first + i, value }));
const start = { partition: 1, first: 2, born: 2, splits: [], offset: 0 };
const split = { from: 2, partitions: 4 };

test('before a split every row counts where it stands; behind it what belongs elsewhere is passed on and does not count', async () => {
  const [stays, leaves] = [of(1, 4), of(3, 4)];
  const both = [...stays, ...leaves];
  const again = both.map((id) => `${id} again`).filter((id) => partitionOf(id, 2) === 1);
  const values = [frame(both), splitFrame(1, split, NOW), frame(again)];
  const sieve = new RowSieve(start);
  const [before, at, behind] = await decideRecords(records(values), new Deduplicator(store), sieve);
  expect(before?.events).toHaveLength(both.length);
  expect(before?.passed).toBeUndefined();
  expect(at).toMatchObject({ split: { at: 1, ...split }, events: [{ type: PARTITION_SPLIT }] });
  const own = again.filter((id) => partitionOf(id, 4) === 1);
  expect(behind?.events.map(({ id }) => id)).toEqual(own);
  expect(behind?.passed?.map(({ line }) => JSON.parse(line).id)).toEqual(again.filter((id) => !own.includes(id)));
  expect(behind?.passed?.every(({ partition }) => partition === 3)).toBe(true);
  expect(behind).toMatchObject({ appended: again.length, duplicates: again.length - own.length });
  expect(sieve.inForce).toBe(4);
});

test('a replay that begins behind the split sifts as the first reading did', async () => {
  const values = [frame(of(1, 2)), frame(of(1, 2).map((id) => `${id}`))];
  const whole = await decideRecords(
    records([splitFrame(1, split, NOW), ...values]),
    new Deduplicator(store),
    new RowSieve(start),
  );
  const sieve = new RowSieve({ ...start, splits: [{ at: 0, ...split }], offset: 1 });
  const replayed = await decideRecords(records(values, 1), new Deduplicator(store), sieve);
  expect(replayed).toEqual(whole.slice(1));
  const early = new RowSieve({ ...start, splits: [{ at: 5, ...split }], offset: 1 });
  expect(early.inForce).toBe(2);
});

test('of splits that are written again the first stands, and one that skips a number is none', async () => {
  const sieve = new RowSieve(start);
  const again = [
    splitFrame(1, { from: 4, partitions: 8 }, NOW),
    splitFrame(1, split, NOW),
    splitFrame(1, split, NOW + 9),
  ];
  const frames = await decideRecords(records(again), new Deduplicator(store), sieve);
  expect(frames.map((it) => it.split?.partitions)).toEqual([undefined, 4, undefined]);
  expect(frames.map(({ duplicates }) => duplicates)).toEqual([0, 0, 1]);
});

test('a partition that came later counts only what belongs to it from its first row on', async () => {
  const sieve = new RowSieve({ ...start, partition: 3, born: 4 });
  const [only] = await decideRecords(
    records([frame([...of(3, 4), ...of(1, 4)])], 0, 3),
    new Deduplicator(store),
    sieve,
  );
  expect(only?.events.map(({ id }) => id)).toEqual(of(3, 4));
  expect(only?.passed).toHaveLength(of(1, 4).length);
});

test('a change of policies by a writer who knows fewer partitions comes to all of them, under the id that it has there', async () => {
  const row = encodeRow(changeEvent(POLICY_PUT, 'row_1', 'pol_1', NOW, {}));
  const value = encodeFrame(`${row}\n`, 1, NOW);
  const routed = (partitions: number) =>
    new Map(
      new FrameRouter(partitions, 1e6)
        .route([{ partition: 0, offset: 0, value }])
        .map(({ partition, frame: bytes }) => [partition, bytes]),
    );
  const sieve = new RowSieve({
    ...start,
    splits: [
      { at: 0, ...split },
      { at: 1, from: 4, partitions: 8 },
    ],
    offset: 2,
  });
  const [decided] = await decideRecords(records([routed(2).get(1) as Buffer], 2), new Deduplicator(store), sieve);
  expect(decided?.events).toMatchObject([{ id: 'row_1@1' }]);
  const direct = routed(8);
  const rowAt = (partition: number) => {
    const decoded = decodeFrame(direct.get(partition) as Buffer);
    return decoded.ok ? decoded.frame.rows[0] : undefined;
  };
  expect(decided?.passed).toEqual([3, 5].map((partition) => ({ partition, line: rowAt(partition) })));
});
