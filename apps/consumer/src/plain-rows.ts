/**
 * Rows go to the usage store as the log has them, without being written anew. What somebody wrote past ingest may be a
 * row to us and none to the store (a member twice, say): the store refuses the whole block then, nothing of it is stored,
 * and the same events are written out plainly.
 */
import { KeymeterError } from '#domain/errors.js';
import { decodeRow, encodeRow } from '#domain/events/usage-row.js';
import type { UsageBlock } from '#ports/usage-store.js';

const PLACED_ROW = /^(\{"partition":\d+,"offset":\d+,"idx":\d+,"accepted_at":[^,]+,)(.*)$/s;

export function isRowFault(error: unknown): boolean {
  return error instanceof KeymeterError && error.code === 'ROWS_REFUSED';
}

/** Hands over the block, and once more in plain rows where its own are refused. */
export async function readable<T>(block: UsageBlock, store: (block: UsageBlock) => Promise<T>): Promise<T> {
  try {
    return await store(block);
  } catch (error) {
    if (!isRowFault(error)) throw error;
    return store({ ...block, rows: plainRows(block.rows) });
  }
}

function plainRows(rows: Buffer): Buffer {
  const lines = rows
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
  return Buffer.from(lines.map((line) => `${plainRow(line)}\n`).join(''));
}

function plainRow(line: string): string {
  const [, place = '', rest = ''] = PLACED_ROW.exec(line) ?? [];
  const decoded = decodeRow(`{${rest}`);
  if (!decoded.ok) throw new Error(`a row that was decided cannot be read any more: ${decoded.reason}`);
  return place + encodeRow(decoded.event).slice(1);
}
