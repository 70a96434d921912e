import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { HttpSqlClient } from '#adapters/clickhouse/http-sql-client.js';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { decideRecords } from '#stream/frame-decoder.js';
import { TestFront } from '../../../test/support/clickhouse-front.js';
import { frameOf } from '../../../test/support/event-rows.js';
import { StoredRowFates } from './stored-row-fates.js';

const RETENTION = { events: 10_000, minute: 10_000, hour: 10_000, day: 10_000, month: 10_000 };
const ACCEPTED = Date.UTC(2026, 4, 17, 12);
let front: TestFront;
let client: HttpSqlClient;

beforeAll(async () => {
  front = await TestFront.start();
  client = new HttpSqlClient(front.access);
});
afterAll(async () => {
  await client.close();
  await front.close();
});

/** What Kafka says of its two partitions: what they hold, and what consumers have committed. */
const log = {
  partitions: 2,
  ends: async () => [10, 10],
  begins: async () => [0, 5],
  committed: async () => [{ next: 10 }, { next: 8 }] as never,
};
const at = (partition: number, offset: number, index = 0) => ({ partition, offset, index });
const fates = () => new StoredRowFates(log, client, new ManualClock());

test('fates of rows are those that the consumer decided, in the order in which they are asked for', async () => {
  const store = new ClickHouseUsageStore(client, RETENTION, { flushRollups: true });
  await store.prepare();
  const value = frameOf(
    [
      { id: 'a', time: ACCEPTED, fingerprint: 1 },
      { id: 'a', time: ACCEPTED, fingerprint: 1 },
      { id: 'a', time: ACCEPTED, fingerprint: 2 },
      { id: 'b', time: ACCEPTED },
    ],
    ACCEPTED,
  );
  const records = [
    { partition: 1, offset: 6, value },
    { partition: 1, offset: 7, value: Buffer.from('no frame') },
  ];
  const frames = await decideRecords(records, new Deduplicator(store, { filterBytes: 1024 }));
  const [frame] = frames;
  const rows = frame?.lines.map((line, i) => {
    const { index } = frame.events[i] as { index: number };
    return `{"partition":1,"offset":6,"idx":${index},"accepted_at":${ACCEPTED},${line.slice(1)}\n`;
  });
  const range = { partition: 1, first: 6, next: 7 };
  await store.insert({
    range,
    token: 't',
    acceptedDay: '2026-05-17',
    count: 2,
    rows: Buffer.from((rows ?? []).join('')),
  });
  await store.insertDeadLetters(frames.flatMap(({ deadLetters }) => deadLetters));
  expect(frame?.fates).toEqual(['accepted', 'duplicate', 'conflict', 'accepted']);
  const asked = [at(1, 7), at(1, 6, 3), at(1, 6, 2), at(1, 6, 1), at(1, 6, 0)];
  expect(await fates().of(asked, 0)).toEqual(['undecodable', 'accepted', 'conflict', 'duplicate', 'accepted']);
}, 60_000);

test('what is not counted yet is undecided, what the log does not hold is unknown', async () => {
  expect(await fates().of([at(1, 6), at(1, 8)], 0)).toBe('undecided');
  for (const gone of [at(1, 4), at(0, 10), at(2, 0), at(99, 1)])
    expect(await fates().of([at(1, 6), gone], 0)).toBe('unknown');
});
