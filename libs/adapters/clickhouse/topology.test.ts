/**
 * Statements for a cluster of servers. No server with replication can be started here, so what is proved is that each
 * statement is the one meant and that the engine's own parser takes it; docs/reliability.md says so.
 */
import { join } from 'node:path';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { faulty } from '../../../test/support/faulty.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { ClickHouseUsageStore } from './clickhouse-usage-store.js';
import { allStatements } from './migrations.js';
import type { SqlClient } from './sql-client.js';
import { everywhere, insertSettings, synchronise, type Topology } from './topology.js';

const RETENTION = { events: 90, minute: 30, hour: 400, day: 4_000, month: 9_000 };
const CLUSTER: Topology = { cluster: "keymeter's `own`", flushRollups: true };
const ON = "ON CLUSTER `keymeter's \\`own\\``";
const client = new ChdbSqlClient(join(temporaryFolder('topology'), 'chdb'));
afterAll(() => client.close());

const flat = (sql: string) => sql.replace(/\s+/g, ' ').trim();
const cluster = allStatements(RETENTION, CLUSTER).map(flat);
const find = (beginning: string) => cluster.filter((statement) => statement.startsWith(beginning));

test('the parser of the engine takes every statement of a cluster', async () => {
  const all = [
    ...cluster,
    ...synchronise(CLUSTER, 'events'),
    `SELECT 1 FROM ${everywhere(CLUSTER, 'system.processes')}`,
  ];
  for (const statement of all) await client.query(`EXPLAIN AST ${statement}`);
  await expect(client.query('EXPLAIN AST CREATE TABLE a ON CLUSTER')).rejects.toMatchObject({ code: 'STORE_REFUSED' });
});

test('every statement that makes or changes something goes to the whole cluster', () => {
  expect(cluster.length).toBeGreaterThan(10);
  expect(cluster.filter((statement) => !statement.includes(ON))).toEqual([]);
});

test.each(['events', 'usage_rollups', 'dead_letters'])(
  '%s is a replicated table on every shard and a distributed one over them, by partition of the log',
  (table) => {
    const [local, over, ...more] = find('CREATE TABLE').filter((statement) => statement.includes(`keymeter.${table}`));
    expect(more).toEqual([]);
    expect(local).toContain(`CREATE TABLE IF NOT EXISTS keymeter.${table}_local ${ON} (`);
    expect(local).toMatch(
      new RegExp(
        `ENGINE = Replicated\\w*MergeTree\\('/clickhouse/tables/\\{shard\\}/keymeter/${table}', '\\{replica\\}'`,
      ),
    );
    expect(over).toBe(
      `CREATE TABLE IF NOT EXISTS keymeter.${table} ${ON} AS keymeter.${table}_local ENGINE = Distributed(\`keymeter's \\\`own\\\`\`, keymeter, ${table}_local, partition)`,
    );
  },
);

test('replicated tables keep tokens by number and for longer than a log keeps its records', () => {
  const tokens = 'replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 3456000';
  for (const table of ['events', 'usage_rollups']) {
    const [local] = find(`CREATE TABLE IF NOT EXISTS keymeter.${table}_local`);
    expect(local).toContain(`SETTINGS ${tokens}`);
    expect(local).not.toContain('non_replicated');
    expect(local).toContain('fsync_after_insert = 1');
  }
});

test('the view folds the rows of its own shard into the rollups of its own shard', () => {
  const [view] = find('CREATE MATERIALIZED VIEW');
  expect(view).toContain(`keymeter.usage_rollups_view ${ON} TO keymeter.usage_rollups_local AS SELECT`);
  expect(view).toContain('FROM keymeter.events_local AS e');
  expect(view).not.toMatch(/keymeter\.(events|usage_rollups) /);
});

test('an insert into a cluster returns when a majority of its shard has it, not when a queue has', () => {
  expect(insertSettings(CLUSTER)).toEqual({
    distributed_foreground_insert: 1,
    insert_quorum: 'auto',
    insert_quorum_parallel: 1,
  });
  expect(insertSettings({})).toEqual({});
});

test('a proof brings the replicas up to date before every read that decides', async () => {
  const asked: string[] = [];
  const recorded = faulty<SqlClient>(client, {
    command: async (_, sql) => void asked.push(flat(sql)),
    insert: async (_, table, _rows, settings) => void asked.push(`insert ${table} ${settings.insert_quorum}`),
    query: async (_, sql) => {
      asked.push(flat(sql).slice(0, 40));
      if (sql.includes('system.processes')) return [{ running: '0' }];
      if (sql.startsWith('SELECT offset, idx')) return [{ offset: '0', idx: 0 }];
      return sql.includes('AS wrong') ? [{ wrong: '0' }] : [{ known: '1' }];
    },
  } as Parameters<typeof faulty<SqlClient>>[1]);
  const range = { partition: 3, first: 0, next: 1 };
  const rows = Buffer.from('{"partition":3,"offset":0,"idx":0,"time":1000}\n');
  const block = { range, token: 'log/3/0-1', acceptedDay: '2026-05-17', count: 1, rows };
  await new ClickHouseUsageStore(recorded, RETENTION, CLUSTER).prove(block);
  const sync = (table: string) => `SYSTEM SYNC REPLICA ${ON} keymeter.${table}_local LIGHTWEIGHT`;
  const at = (text: string) => asked.findIndex((one) => one.includes(text));
  expect(asked[at('SELECT offset, idx') - 1]).toBe(sync('events'));
  expect(asked[at('AS wrong') - 1]).toBe(sync('usage_rollups'));
  expect(at('insert keymeter.events auto')).toBeLessThan(at(sync('events')));
  expect(at('AS running')).toBeLessThan(at('insert keymeter.events'));
});

test('one server gets the plain engines and nothing of a cluster', () => {
  const single = allStatements(RETENTION, {}).map(flat);
  expect(single.filter((statement) => /CLUSTER|Replicated|Distributed|_local/.test(statement))).toEqual([]);
  expect(single.find((statement) => statement.includes('keymeter.usage_rollups ('))).not.toContain('fsync');
  const server = allStatements(RETENTION, { flushRollups: true }).map(flat);
  expect(server.find((statement) => statement.includes('keymeter.usage_rollups ('))).toContain(
    'fsync_after_insert = 1',
  );
});
