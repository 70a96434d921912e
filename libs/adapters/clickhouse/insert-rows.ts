import type { SqlClient } from './sql-client.js';
import { insertSettings, type Topology } from './topology.js';

/** A few rows that replace themselves when they are repeated: they need no token. Stored when it resolves. */
export async function insertRows(
  client: SqlClient,
  topology: Topology,
  table: string,
  rows: readonly object[],
): Promise<void> {
  const lines = rows.map((row) => JSON.stringify(row)).join('\n');
  await client.insert(table, Buffer.from(lines), { async_insert: 0, ...insertSettings(topology) });
}
