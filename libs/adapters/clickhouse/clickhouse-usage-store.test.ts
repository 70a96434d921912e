import { join } from 'node:path';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { ClickHouseUsageStore } from './clickhouse-usage-store.js';

const client = new ChdbSqlClient(join(temporaryFolder('usage-store'), 'chdb'));
const store = new ClickHouseUsageStore(client, { events: 10_000, minute: 10_000, hour: 10_000, day: 10_000, month: 1 });
const ACCEPTED = Date.UTC(2026, 4, 17, 12);

beforeAll(() => store.prepare());
afterAll(() => client.close());

test('an insert of more groups than the engine keeps in one hash table still makes few parts', async () => {
  const count = 30_000; // four rollup rows each: above the engine's threshold of 100,000 groups
  const rows = Array.from(
    { length: count },
    (_, i) =>
      `{"partition":0,"offset":${i},"idx":0,"accepted_at":${ACCEPTED},"id":"e${i}","source":"t","type":"request",` +
      `"subject":"s${i}","time":${ACCEPTED},"data":{},"id_hash":${i + 1},"fingerprint":1}\n`,
  );
  await client.command('SYSTEM STOP MERGES');
  await store.insert({
    range: { partition: 0, first: 0, next: count },
    token: 'many groups',
    acceptedDay: '2026-05-17',
    count,
    rows: Buffer.from(rows.join('')),
  });
  const parts = await client.query<{ table: string; parts: string }>(
    `SELECT table, toString(uniqExact(name)) AS parts FROM system.parts
     WHERE database = 'keymeter' AND table IN ('events', 'usage_rollups') GROUP BY table ORDER BY table`,
  );
  expect(parts.map(({ table }) => table)).toEqual(['events', 'usage_rollups']);
  for (const { parts: made } of parts) expect(Number(made)).toBeLessThanOrEqual(2);
  const [hours] = await client.query<{ n: string }>(
    "SELECT toString(sum(events)) AS n FROM keymeter.usage_rollups WHERE window_size = 'hour'",
  );
  expect(hours?.n).toBe(String(count));
});

test('rollup rows of one size leave after its own retention, the other sizes stay', async () => {
  await client.command('SYSTEM START MERGES');
  await client.command('OPTIMIZE TABLE keymeter.usage_rollups FINAL');
  const sizes = await client.query<{ size: string }>(
    'SELECT DISTINCT toString(window_size) AS size FROM keymeter.usage_rollups ORDER BY window_size',
  );
  expect(sizes.map(({ size }) => size)).toEqual(['minute', 'hour', 'day']);
});
