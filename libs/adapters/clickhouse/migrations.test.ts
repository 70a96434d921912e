import { join } from 'node:path';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import type { UsageBlock } from '#ports/usage-store.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { ClickHouseUsageStore } from './clickhouse-usage-store.js';
import { allStatements } from './migrations.js';
import { EMBEDDED } from './topology.js';

const RETENTION = { events: 10_000, minute: 10_000, hour: 10_000, day: 10_000, month: 10_000 };
const ACCEPTED = Date.UTC(2026, 4, 17, 12);
const client = new ChdbSqlClient(join(temporaryFolder('migrations'), 'chdb'));
afterAll(() => client.close());

/** Statements of version 1, from today's: rollups and their view had no partition. */
function versionOne(): string[] {
  return allStatements(RETENTION, EMBEDDED)
    .filter((statement) => !statement.startsWith('ALTER'))
    .map((statement) =>
      statement.includes('usage_rollups')
        ? statement
            .replace(/,\s+partition UInt16\n/, '\n')
            .replaceAll(', e.partition AS partition', '')
            .replaceAll(/,\s*partition\b(?! AS)/g, '')
        : statement,
    );
}

function block(first: number): UsageBlock {
  const rows = Array.from(
    { length: 10 },
    (_, i) =>
      `{"partition":0,"offset":${first},"idx":${i},"accepted_at":${ACCEPTED},"id":"o${first}i${i}","source":"t",` +
      `"type":"request","subject":"s","time":${ACCEPTED},"bytes":1,"data":{},"id_hash":1,"fingerprint":1}\n`,
  );
  const range = { partition: 0, first, next: first + 1 };
  const token = `log/0/${first}-${first + 1}`;
  return { range, token, acceptedDay: '2026-05-17', count: 10, rows: Buffer.from(rows.join('')) };
}

const rollups = () =>
  client.query(`SELECT toString(window_size) AS size, toString(sum(events)) AS n FROM keymeter.usage_rollups
    GROUP BY window_size ORDER BY window_size`);

test('a folder of version 1 is brought to version 2, counted on and proved, and the totals of old rows stay', async () => {
  for (const statement of versionOne()) await client.command(statement);
  await client.command('INSERT INTO keymeter.migrations (version) VALUES (1)');
  const [columns] = await client.query<{ n: string }>(
    "SELECT toString(count()) AS n FROM system.columns WHERE table = 'usage_rollups' AND name = 'partition'",
  );
  expect(columns?.n).toBe('0');
  const store = new ClickHouseUsageStore(client, RETENTION);
  await store.insert(block(0));
  await store.prepare();
  await store.insert(block(1));
  expect(await store.prove(block(1))).toEqual({ missingRows: 0, mendedWindows: 0 });
  expect(await store.mendSince('2026-05-17', 0)).toBe(0);
  expect(await rollups()).toEqual(['minute', 'hour', 'day', 'month'].map((size) => ({ size, n: '20' })));
});

test('every statement may run again, as after a crash in the middle of a migration', async () => {
  await client.command('TRUNCATE TABLE keymeter.migrations');
  const store = new ClickHouseUsageStore(client, RETENTION);
  await store.prepare();
  await store.insert(block(2));
  expect(await store.mendSince('2026-05-17', 0)).toBe(0);
  expect(await rollups()).toEqual(['minute', 'hour', 'day', 'month'].map((size) => ({ size, n: '30' })));
});

test('a schema of a newer version is refused untouched', async () => {
  await client.command('INSERT INTO keymeter.migrations (version) VALUES (99)');
  await expect(new ClickHouseUsageStore(client, RETENTION).prepare()).rejects.toMatchObject({ code: 'FORMAT_TOO_NEW' });
});
