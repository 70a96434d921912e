import { TestFront } from '../../../test/support/clickhouse-front.js';
import { ClickHouseUsageStore } from './clickhouse-usage-store.js';
import { HttpSqlClient } from './http-sql-client.js';

const RETENTION = { events: 10_000, minute: 10_000, hour: 10_000, day: 10_000, month: 10_000 };
const ACCEPTED = Date.UTC(2026, 4, 17, 12);
let front: TestFront;
const clients: HttpSqlClient[] = [];

beforeAll(async () => {
  front = await TestFront.start();
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await front.close();
});

function openStore() {
  const client = new HttpSqlClient(front.access);
  clients.push(client);
  return { client, store: new ClickHouseUsageStore(client, RETENTION, { flushRollups: true }) };
}

test('processes that start at once on an empty server, and again on a full one, all find it ready', async () => {
  const opened = Array.from({ length: 4 }, openStore);
  await Promise.all(opened.map(({ store }) => store.prepare()));
  const rows = (partition: number) =>
    Buffer.from(
      `{"partition":${partition},"offset":0,"idx":0,"accepted_at":${ACCEPTED},"id":"p${partition}","source":"t",` +
        `"type":"request","subject":"s","time":${ACCEPTED},"data":{},"id_hash":1,"fingerprint":1}\n`,
    );
  const block = (partition: number) => ({
    range: { partition, first: 0, next: 1 },
    token: `log/${partition}/0-1`,
    acceptedDay: '2026-05-17',
    count: 1,
    rows: rows(partition),
  });
  await Promise.all([
    ...opened.map(({ store }, partition) => store.insert(block(partition))),
    ...Array.from({ length: 2 }, () => openStore().store.prepare()),
  ]);
  const [found] = await openStore().client.query(
    `SELECT (SELECT toString(count()) FROM keymeter.events) AS raw,
     (SELECT toString(sum(events)) FROM keymeter.usage_rollups WHERE window_size = 'day') AS days,
     (SELECT toString(count()) FROM system.tables WHERE database = 'keymeter' AND name LIKE 'probe%') AS probes`,
  );
  expect(found).toEqual({ raw: '4', days: '4', probes: '0' });
});

test('rollup parts on a server are flushed before an insert returns, in this process they are not', async () => {
  const sql = "SELECT engine_full AS engine FROM system.tables WHERE database = 'keymeter' AND name = 'usage_rollups'";
  const [table] = await openStore().client.query<{ engine: string }>(sql);
  expect(table?.engine).toContain('fsync_after_insert = 1');
});
