import { TestFront } from '../../../test/support/clickhouse-front.js';
import { freePort } from '../../../test/support/free-port.js';
import { HttpSqlClient } from './http-sql-client.js';

const TIMEOUT_MS = 1_500;
let front: TestFront;
let client: HttpSqlClient;

beforeAll(async () => {
  front = await TestFront.start();
  client = new HttpSqlClient({ ...front.access, timeoutMs: TIMEOUT_MS });
  await client.command('CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n');
});

afterAll(async () => {
  await client.close();
  await front.close();
});

beforeEach(async () => {
  await front.clear();
  await client.command('TRUNCATE TABLE t');
});

const insert = (rows: string) => client.insert('t', Buffer.from(rows), { async_insert: 0 });
const count = async () => (await client.query<{ n: number }>('SELECT count() AS n FROM t'))[0]?.n;

test('values enter a statement as parameters, whatever they hold and however many they are', async () => {
  const nasty = `'; DROP TABLE t; -- \\ \t\n "€"`;
  const many = Array.from({ length: 60_000 }, (_, i) => i * 1_000_003);
  const [row] = await client.query<{ text: string; list: string[]; many: number }>(
    'SELECT {text:String} AS text, {list:Array(String)} AS list, length({many:Array(UInt64)}) AS many',
    { text: nasty, list: [nasty, ''], many },
  );
  expect(row).toEqual({ text: nasty, list: [nasty, ''], many: many.length });
});

test.each([
  ['plain', false],
  ['compressed', true],
])('rows go as the bytes they are, %s, with the settings of this insert alone', async (_, compressed) => {
  const other = new HttpSqlClient({ ...front.access, compressInserts: compressed, compressAnswers: compressed });
  const rows = Buffer.from(`${Array.from({ length: 50_000 }, (_, n) => `{"n":${n},"s":"é${n}"}`).join('\n')}\n`);
  await other.insert('t', rows, { insert_deduplication_token: 'a token', max_threads: 1 });
  const [seen] = await front.seen();
  expect(seen).toMatchObject({ token: 'a token', bytes: rows.length, sql: 'INSERT INTO t FORMAT JSONEachRow' });
  expect(await other.query('SELECT n, s FROM t ORDER BY n LIMIT 2 OFFSET 49998')).toEqual([
    { n: 49998, s: 'é49998' },
    { n: 49999, s: 'é49999' },
  ]);
  await other.close();
});

const ILLNESSES = [
  [500, 'MEMORY_LIMIT_EXCEEDED', 241],
  [500, 'READONLY', 164],
  [500, 'TABLE_IS_READ_ONLY', 242],
  [500, 'TOO_MANY_SIMULTANEOUS_QUERIES', 202],
] as const;

test.each(ILLNESSES)('%i %s may pass and is worth a repeat', async (_, name, code) => {
  await front.fault({ kind: 'exception', code, name });
  await expect(insert('{"n":1}\n')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
  expect(await front.faultsLeft()).toBe(0);
  expect(await count()).toBe(0);
});

test('too many parts have a code of their own, so that batches can grow', async () => {
  await front.fault({ kind: 'exception', code: 252, name: 'TOO_MANY_PARTS' });
  await expect(insert('{"n":1}\n')).rejects.toMatchObject({ code: 'STORE_CROWDED', retryable: true });
});

test.each([500, 502, 503, 504])('a proxy that answers %i may pass and is worth a repeat', async (status) => {
  for (const on of ['insert', 'query'] as const) {
    await front.fault({ kind: 'status', status, on });
    const asked = on === 'insert' ? insert('{"n":1}\n') : count();
    await expect(asked).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
  }
  expect(await front.faultsLeft()).toBe(0);
});

test.each(['done-hang', 'done-reset', 'done-half', 'done-stall', 'done-tail'] as const)(
  'an insert that was done and whose answer is lost (%s) is an error that may pass',
  async (kind) => {
    await front.fault({ kind });
    await expect(insert('{"n":1}\n')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
    expect(await front.faultsLeft()).toBe(0);
    expect(await count()).toBe(1);
  },
);

test.each(['hang', 'done-reset', 'done-half', 'done-stall', 'done-tail'] as const)(
  'an answer to a query that does not come whole (%s) is an error, never fewer rows',
  async (kind) => {
    for (const compressAnswers of [false, true]) {
      const other = new HttpSqlClient({ ...front.access, timeoutMs: TIMEOUT_MS, compressAnswers });
      await front.fault({ kind, on: 'query' });
      const asked = other.query("SELECT number, 'some text' AS text FROM numbers(20000)");
      await expect(asked).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
      await other.close();
    }
    expect(await front.faultsLeft()).toBe(0);
  },
);

test.each(['done-reset', 'done-half', 'done-tail'] as const)(
  'a command whose answer does not come whole (%s) is an error',
  async (kind) => {
    await front.fault({ kind, on: 'query' });
    await expect(client.command('SYSTEM FLUSH LOGS')).rejects.toMatchObject({ retryable: true });
    expect(await front.faultsLeft()).toBe(0);
  },
);

test('a connection cut after any number of bytes of the body, or behind it, leaves nothing behind', async () => {
  const rows = Array.from({ length: 20_000 }, (_, n) => `{"n":${n},"s":"text"}\n`).join('');
  for (const bytes of [1, 1_000, 100_000, rows.length - 1, 2 * rows.length]) {
    await front.fault({ kind: 'cut', bytes });
    const cut = { code: 'STORE_UNAVAILABLE', retryable: true, message: expect.stringContaining('ECONNRESET') };
    await expect(insert(rows)).rejects.toMatchObject(cut);
  }
  expect(await front.faultsLeft()).toBe(0);
  expect(await count()).toBe(0);
});

test('a statement that can never work is refused for good', async () => {
  await expect(client.query('SELECT nonsense')).rejects.toMatchObject({ code: 'STORE_REFUSED', retryable: false });
  await expect(client.command('CREATE TABLE t (n UInt8) ENGINE = Nonsense')).rejects.toMatchObject({
    code: 'STORE_REFUSED',
    retryable: false,
  });
});

test('a wrong password is one sentence that names the settings and not the password', async () => {
  const wrong = new HttpSqlClient({ ...front.access, password: 'guessed-wrong' });
  const error = await wrong.query('SELECT 1').catch((thrown: unknown) => thrown as Error & { cause: Error });
  await wrong.close();
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', retryable: false });
  expect((error as Error).message).toContain('KEYMETER_CLICKHOUSE_PASSWORD');
  const everything = [error, (error as { cause: Error }).cause].map((e) => `${(e as Error).stack}${JSON.stringify(e)}`);
  expect(everything.join()).not.toContain('guessed-wrong');
});

test('a server that is away is one sentence with its address, and worth a repeat', async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const away = new HttpSqlClient({ ...front.access, url });
  const error = await away.query('SELECT 1').catch((thrown: unknown) => thrown);
  await away.close();
  expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
  expect((error as Error).message).toBe(
    `ClickHouse at ${url} gave no answer of its own (ECONNREFUSED): is it running, and does KEYMETER_CLICKHOUSE_URL name its HTTP port?`,
  );
});

test.each(['clickhouse:8123', 'ftp://clickhouse', 'http://user:secret@clickhouse:8123', ''])(
  'the address %j is refused without being repeated',
  (url) => {
    const open = () => new HttpSqlClient({ ...front.access, url });
    expect(open).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(open).not.toThrow(/secret/);
  },
);

test('a server killed in the middle of an insert and started again serves the next one', async () => {
  await front.fault({ kind: 'done-hang' });
  const lost = insert('{"n":1}\n');
  lost.catch(() => undefined);
  while ((await front.faultsLeft()) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await front.kill9();
  await expect(lost).rejects.toMatchObject({ retryable: true });
  await front.restart();
  await insert('{"n":2}\n');
  expect(await client.query('SELECT n FROM t WHERE n = 2')).toEqual([{ n: 2 }]);
});
