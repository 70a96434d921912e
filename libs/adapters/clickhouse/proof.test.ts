/** Proofs while others write: partitions side by side, and writers that lost theirs. */
import { join } from 'node:path';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import type { UsageBlock } from '#ports/usage-store.js';
import { faulty } from '../../../test/support/faulty.js';
import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { ClickHouseUsageStore } from './clickhouse-usage-store.js';
import type { SqlClient } from './sql-client.js';
import { ROLLUPS } from './usage-schema.js';

const random = randomFrom(drawSeed('proofs'));
const ACCEPTED = Date.UTC(2026, 4, 17, 12);
const RETENTION = { events: 10_000, minute: 10_000, hour: 10_000, day: 10_000, month: 10_000 };
const client = new ChdbSqlClient(join(temporaryFolder('proofs'), 'chdb'));
const store = new ClickHouseUsageStore(client, RETENTION);

beforeAll(() => store.prepare());
afterAll(() => client.close());
beforeEach(async () => {
  for (const table of ['events', 'usage_rollups']) await client.command(`TRUNCATE TABLE keymeter.${table}`);
});

/** All partitions fall into the same windows and groups: what one of them does wrong is seen in the sums. */
function block(partition: number, first: number, count = 20): UsageBlock {
  const rows = Array.from({ length: count }, (_, i) => {
    const time = ACCEPTED - Math.floor(random() * 3_600_000);
    return (
      `{"partition":${partition},"offset":${first},"idx":${i},"accepted_at":${ACCEPTED},"id":"p${partition}o${first}i${i}",` +
      `"source":"t","type":"request","subject":"s${i % 3}","time":${time},"bytes":${i},"data":{},"id_hash":1,"fingerprint":1}\n`
    );
  });
  const range = { partition, first, next: first + 1 };
  const token = `log/${partition}/${first}-${first + 1}`;
  return { range, token, acceptedDay: '2026-05-17', count, rows: Buffer.from(rows.join('')) };
}

async function expectRows(count: number): Promise<void> {
  const [raw] = await client.query<{ n: string }>('SELECT toString(count()) AS n FROM keymeter.events');
  const rollups = await client.query<{ size: string; n: string }>(
    `SELECT toString(window_size) AS size, toString(sum(events)) AS n FROM keymeter.usage_rollups
     GROUP BY window_size ORDER BY window_size`,
  );
  const n = String(count);
  expect({ raw, rollups }).toEqual({ raw: { n }, rollups: ROLLUPS.map((size) => ({ size, n })) });
}

test('ranges of one partition are proved while other partitions are counted in the same windows, and no total moves', async () => {
  const ranges = 12;
  const counting = async (partition: number) => {
    for (let first = 0; first < ranges; first++) await store.insert(block(partition, first));
  };
  const proving = async (partition: number) => {
    for (let first = 0; first < ranges; first++) {
      const one = block(partition, first);
      if (random() < 0.5) await store.insert(one);
      await store.prove(one);
    }
  };
  await Promise.all([counting(0), proving(1), counting(2), proving(3)]);
  await expectRows(4 * ranges * 20);
}, 120_000);

test('rows lost behind a burnt token are inserted by the proof, again if the first attempt is burnt too, and counted once', async () => {
  const one = block(0, 0);
  await store.insert(one);
  for (const share of [2, 3, 5]) {
    await client.command(`ALTER TABLE keymeter.events DELETE WHERE idx % ${share} = 0 SETTINGS mutations_sync = 1`);
    const { missingRows } = await store.prove(one);
    expect(missingRows).toBe(Math.ceil(20 / share));
    await expectRows(20);
  }
});

/** Stops a proof before it inserts what it has found missing, until it is let go. */
function halting(at: 'insert' | 'command') {
  let go = () => {};
  let arrived = () => {};
  const reached = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const hold = async () => {
    arrived();
    await gate;
  };
  const halted = faulty<SqlClient>(client, {
    insert: async (call, _table, _rows, settings) => {
      if (at === 'insert' && String(settings.insert_deduplication_token).includes('/missing/')) await hold();
      return call();
    },
    command: async (call, sql) => {
      if (at === 'command' && sql.includes('INSERT INTO keymeter.usage_rollups')) await hold();
      return call();
    },
  });
  return { store: new ClickHouseUsageStore(halted, RETENTION), reached, go: () => go() };
}

test.each([
  ['inserts rows it found missing', 'insert'],
  ['inserts a difference it measured', 'command'],
] as const)('a writer that lost its partition and then %s adds nothing', async (_, at) => {
  const one = block(0, 0);
  await store.insert(one);
  await client.command('ALTER TABLE keymeter.events DELETE WHERE idx % 2 = 0 SETTINGS mutations_sync = 1');
  if (at === 'command') await client.command('TRUNCATE TABLE keymeter.usage_rollups');
  const zombie = halting(at);
  const late = zombie.store.prove(one);
  await zombie.reached;
  await store.prove(one);
  await store.insert(block(0, 1));
  zombie.go();
  await late;
  await expectRows(40);
});

test('a writer that lost its partition mends nothing, even where rollups really differ at that moment', async () => {
  const one = block(0, 0);
  await store.insert(one);
  await store.insert(block(0, 1));
  await client.command(
    "ALTER TABLE keymeter.usage_rollups DELETE WHERE window_size = 'hour' SETTINGS mutations_sync = 1",
  );
  expect(await store.prove(one)).toEqual({ missingRows: 0, mendedWindows: 0 });
  expect(await store.mendSince('2026-05-17', 0)).toBeGreaterThan(0);
  await expectRows(40);
});
