/** Inserts twice what must count once, before anything real is inserted. */
import { randomUUID } from 'node:crypto';
import { KeymeterError } from '#domain/errors.js';
import type { InsertSettings } from './insert-settings.js';
import type { SqlClient } from './sql-client.js';
import { mergeTree, type Topology, tokenSettings } from './topology.js';

/** Throws STORE_REFUSED when this engine, or its settings, count a repeated insert twice, in a table or in its view. */
export async function probeDeduplication(
  client: SqlClient,
  settings: InsertSettings,
  topology: Topology,
): Promise<void> {
  const name = `probe_${randomUUID().replaceAll('-', '')}`; // processes of a cluster start side by side
  await create(client, name, topology);
  try {
    for (let attempt = 0; attempt < 2; attempt++) {
      const token = { ...settings, insert_deduplication_token: 'probe' };
      await client.insert(`keymeter.${name}`, Buffer.from('{"n":1}\n'), token);
    }
    const [row] = await client.query<{ raw: string; folded: string }>(
      `SELECT (SELECT count() FROM keymeter.${name}) AS raw, (SELECT sum(c) FROM keymeter.${name}_total) AS folded`,
    );
    if (Number(row?.raw) === 1 && Number(row?.folded) === 1) return;
    throw new KeymeterError(
      'STORE_REFUSED',
      `The usage store counted one repeated insert ${row?.raw} times in a table and ${row?.folded} times in its view: this engine version or its settings cannot count exactly.`,
    );
  } finally {
    for (const table of [`${name}_view`, `${name}_total`, name]) {
      await client.command(`DROP TABLE IF EXISTS keymeter.${table} SYNC`);
    }
  }
}

/** On the server that is asked alone. */
async function create(client: SqlClient, name: string, topology: Topology): Promise<void> {
  const settings = `SETTINGS ${tokenSettings(topology)}`;
  await client.command(
    `CREATE TABLE keymeter.${name} (n UInt8) ENGINE = ${mergeTree(topology, name)} ORDER BY n ${settings}`,
  );
  await client.command(
    `CREATE TABLE keymeter.${name}_total (n UInt8, c Int64) ENGINE = ${mergeTree(topology, `${name}_total`, 'Summing')}
     ORDER BY n ${settings}`,
  );
  await client.command(
    `CREATE MATERIALIZED VIEW keymeter.${name}_view TO keymeter.${name}_total
     AS SELECT n, toInt64(count()) AS c FROM keymeter.${name} GROUP BY n`,
  );
}
