/** One object: JSON, or a name and a value a line. */
import type { TextSink } from '../command.js';
import { utcTime } from './number-format.js';
import { printable } from './table.js';

/** Fields that hold epoch milliseconds. */
const TIMES = new Set(['createdAt', 'updatedAt', 'expires', 'lastUsedAt', 'until', 'since', 'liftedAt']);

export function writeRecord(out: TextSink, record: Readonly<Record<string, unknown>>, json: boolean): void {
  if (json) {
    out.write(`${JSON.stringify(record, null, 2)}\n`);
    return;
  }
  const width = Math.max(0, ...Object.keys(record).map((name) => name.length)) + 2;
  for (const [name, value] of Object.entries(record)) {
    if (value !== undefined) out.write(`${name.padEnd(width)}${valueText(name, value)}\n`);
  }
}

export function valueText(name: string, value: unknown): string {
  if (typeof value === 'number' && TIMES.has(name)) return utcTime(value);
  if (typeof value === 'string') return printable(value);
  return printable(JSON.stringify(value) ?? '');
}
