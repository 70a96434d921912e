/** Forward-only, versioned, safe to repeat: every statement may run again after a crash in the middle. */
import { KeymeterError } from '#domain/errors.js';
import type { SqlClient } from './sql-client.js';
import {
  createDeadLetters,
  createEvents,
  createRollups,
  createRollupsView,
  ROLLUPS,
  type Rollup,
} from './usage-schema.js';

const MIGRATIONS: readonly { version: number; statements: readonly string[] }[] = [
  {
    version: 1,
    statements: [createEvents(), createRollups(), createRollupsView(), createDeadLetters()],
  },
];

/** Days that rows are kept, counted from acceptance. */
export type Retention = { readonly events: number } & Readonly<Record<Rollup, number>>;

export async function migrate(client: SqlClient, retention: Retention): Promise<void> {
  await client.command('CREATE DATABASE IF NOT EXISTS keymeter ENGINE = Atomic');
  await client.command(
    'CREATE TABLE IF NOT EXISTS keymeter.migrations (version UInt32, applied_at DateTime DEFAULT now()) ENGINE = ReplacingMergeTree ORDER BY version',
  );
  const [row] = await client.query<{ version: number }>('SELECT max(version) AS version FROM keymeter.migrations');
  const applied = row?.version ?? 0;
  const newest = MIGRATIONS.at(-1)?.version ?? 0;
  if (applied > newest) {
    throw new KeymeterError(
      'FORMAT_TOO_NEW',
      `The usage store has schema ${applied}; this version knows up to ${newest}. Start the newer version.`,
    );
  }
  for (const { version, statements } of MIGRATIONS) {
    if (version <= applied) continue;
    for (const statement of statements) await client.command(statement);
    await client.command(`INSERT INTO keymeter.migrations (version) VALUES (${version})`);
  }
  await applyRetention(client, retention);
}

/** Every start sets the TTLs anew, so that a changed setting takes effect. */
async function applyRetention(client: SqlClient, retention: Retention): Promise<void> {
  const rollups = ROLLUPS.map(
    (rollup) => `accepted_day + INTERVAL ${retention[rollup]} DAY DELETE WHERE window_size = '${rollup}'`,
  );
  await setTtl(client, 'events', `toDate(accepted_at) + INTERVAL ${retention.events} DAY`);
  await setTtl(client, 'usage_rollups', rollups.join(', '));
}

function setTtl(client: SqlClient, table: string, ttl: string): Promise<void> {
  return client.command(`ALTER TABLE keymeter.${table} MODIFY TTL ${ttl} SETTINGS materialize_ttl_after_modify = 0`);
}
