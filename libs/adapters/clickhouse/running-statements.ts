/**
 * Statements about one partition of the log that still run in the engine: an insert whose answer was lost, or one of a
 * writer that lost the partition. Nothing is proved while one runs, for what it adds would come after the proof.
 */
import { KeymeterError } from '#domain/errors.js';
import type { SqlClient } from './sql-client.js';
import { everywhere, type Topology } from './topology.js';

const WAIT_MS = 60_000;
const POLL_MS = 100;

/** Marks a statement that mends rollups of the partition. */
export function mendingMark(partition: number): string {
  return `keymeter mends partition ${Number(partition)}`;
}

/** Resolves when none runs. Throws STORE_UNAVAILABLE (retryable) when one takes too long. */
export async function noneRunning(
  client: SqlClient,
  topology: Topology,
  { partition, tokens }: { partition: number; tokens?: string },
): Promise<void> {
  const ofInserts =
    tokens === undefined ? '' : `OR startsWith(Settings['insert_deduplication_token'], {tokens:String})`;
  const sql = `SELECT toString(count()) AS running FROM ${everywhere(topology, 'system.processes')}
    WHERE Settings['log_comment'] = {mark:String} ${ofInserts}`;
  const parameters = { mark: mendingMark(partition), ...(tokens === undefined ? {} : { tokens }) };
  for (let waited = 0; ; waited += POLL_MS) {
    const [row] = await client.query<{ running: string }>(sql, parameters);
    if (row?.running === '0') return;
    if (waited >= WAIT_MS) {
      throw new KeymeterError(
        'STORE_UNAVAILABLE',
        `An earlier statement about partition ${partition} still runs in the usage store.`,
        { retryable: true },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
