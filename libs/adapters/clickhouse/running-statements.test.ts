import { TestFront } from '../../../test/support/clickhouse-front.js';
import { HttpSqlClient } from './http-sql-client.js';
import { mendingMark, noneRunning } from './running-statements.js';
import { EMBEDDED } from './topology.js';

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

/** A statement that takes about two seconds, and what resolves when the engine has begun it. */
async function begin(statement: () => Promise<void>): Promise<{ isDone: () => boolean; end: Promise<void> }> {
  let done = false;
  const end = statement().finally(() => {
    done = true;
  });
  const running =
    "SELECT toString(count()) AS n FROM system.processes WHERE query LIKE '%slow%' AND query NOT LIKE '%processes%'";
  while (!done && (await client.query<{ n: string }>(running))[0]?.n === '0') await new Promise(setImmediate);
  return { isDone: () => done, end };
}

test('nothing of a range is proved while an insert of it still runs, whose client may be long gone', async () => {
  await client.command(
    'CREATE TABLE slow (n UInt8, waited UInt8 DEFAULT sleepEachRow(0.5)) ENGINE = MergeTree ORDER BY n',
  );
  const settings = { insert_deduplication_token: 'log/7/0-1', async_insert: 0 };
  const rows = Buffer.from([1, 2, 3, 4].map((n) => `{"n":${n}}\n`).join(''));
  const { isDone, end } = await begin(() => client.insert('slow', rows, settings));
  await noneRunning(client, EMBEDDED, { partition: 6, tokens: 'log/6/0-1' });
  expect(isDone()).toBe(false);
  await noneRunning(client, EMBEDDED, { partition: 7, tokens: 'log/7/0-1' });
  const [stored] = await client.query<{ n: string }>('SELECT toString(count()) AS n FROM slow');
  expect(stored?.n).toBe('4');
  await end;
});

test('nothing of a partition is mended while another mending of it still runs', async () => {
  const mend = `SELECT sleepEachRow(0.5) AS slow FROM numbers(4) SETTINGS log_comment = '${mendingMark(3)}'`;
  const { isDone, end } = await begin(() => client.command(mend));
  await noneRunning(client, EMBEDDED, { partition: 4 });
  expect(isDone()).toBe(false);
  await noneRunning(client, EMBEDDED, { partition: 3 });
  const [running] = await client.query<{ n: string }>(
    "SELECT toString(count()) AS n FROM system.processes WHERE query LIKE '%sleepEachRow%' AND query NOT LIKE '%processes%'",
  );
  expect(running?.n).toBe('0');
  await end;
});
