/** Forward-only, versioned, safe to repeat: every statement may run again after a crash in the middle. */
import { KeymeterError } from '#domain/errors.js';
import { createAuditChain } from './audit-schema.js';
import { booksTtl, createBooks } from './books-schema.js';
import type { SqlClient } from './sql-client.js';
import { EMBEDDED, localTable, onCluster, type Topology } from './topology.js';
import {
  addRollupPartition,
  addStoredAt,
  createDeadLetters,
  createEvents,
  createLetterActions,
  createRollups,
  createRollupsView,
  ROLLUPS,
  type Rollup,
} from './usage-schema.js';

function migrations(topology: Topology): readonly { version: number; statements: readonly string[] }[] {
  return [
    {
      version: 1,
      statements: [
        ...createEvents(topology),
        ...createRollups(topology),
        createRollupsView(topology),
        ...createDeadLetters(topology),
      ],
    },
    { version: 2, statements: addRollupPartition(topology) },
    { version: 3, statements: createBooks(topology) },
    { version: 4, statements: [...addStoredAt(topology), ...createLetterActions(topology)] },
    { version: 5, statements: createAuditChain(topology) },
  ];
}

/** Every server of a cluster holds all rows of this table. */
function createMigrations(topology: Topology): string {
  const engine =
    topology.cluster === undefined
      ? 'ReplacingMergeTree'
      : "ReplicatedReplacingMergeTree('/clickhouse/tables/keymeter/migrations', '{shard}-{replica}')";
  return `CREATE TABLE IF NOT EXISTS keymeter.migrations ${onCluster(topology)}
    (version UInt32, applied_at DateTime DEFAULT now()) ENGINE = ${engine} ORDER BY version`;
}

/** Days that rows are kept, counted from acceptance. */
export type Retention = { readonly events: number } & Readonly<Record<Rollup, number>>;

export async function migrate(client: SqlClient, retention: Retention, topology: Topology = EMBEDDED): Promise<void> {
  for (const statement of opening(topology)) await client.command(statement);
  const [row] = await client.query<{ version: number }>('SELECT max(version) AS version FROM keymeter.migrations');
  const applied = row?.version ?? 0;
  const all = migrations(topology);
  const newest = all.at(-1)?.version ?? 0;
  if (applied > newest) {
    throw new KeymeterError(
      'FORMAT_TOO_NEW',
      `The usage store has schema ${applied}; this version knows up to ${newest}. Start the newer version.`,
    );
  }
  for (const { version, statements } of all) {
    if (version <= applied) continue;
    for (const statement of statements) await client.command(statement);
    await client.command(`INSERT INTO keymeter.migrations (version) VALUES (${version})`);
  }
  for (const statement of retentionStatements(retention, topology)) await client.command(statement);
}

export function newestSchema(): number {
  return migrations(EMBEDDED).at(-1)?.version ?? 0;
}

/** Every statement of a start on nothing, in order. */
export function allStatements(retention: Retention, topology: Topology): string[] {
  const steps = migrations(topology).flatMap(({ statements }) => statements);
  return [...opening(topology), ...steps, ...retentionStatements(retention, topology)];
}

function opening(topology: Topology): string[] {
  return [`CREATE DATABASE IF NOT EXISTS keymeter ${onCluster(topology)} ENGINE = Atomic`, createMigrations(topology)];
}

/** Every start sets the TTLs anew, so that a changed setting takes effect. */
function retentionStatements(retention: Retention, topology: Topology): string[] {
  const rollups = ROLLUPS.map(
    (rollup) => `accepted_day + INTERVAL ${retention[rollup]} DAY DELETE WHERE window_size = '${rollup}'`,
  );
  const setTtl = (table: string, ttl: string) =>
    `ALTER TABLE ${localTable(topology, table)} ${onCluster(topology)} MODIFY TTL ${ttl} SETTINGS materialize_ttl_after_modify = 0`;
  return [
    setTtl('events', `toDate(accepted_at) + INTERVAL ${retention.events} DAY`),
    setTtl('usage_rollups', rollups.join(', ')),
    setTtl('books', booksTtl(retention.events)),
  ];
}
