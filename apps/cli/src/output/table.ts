/** Plain tables: left-aligned text, right-aligned numbers, two blanks between columns. */
import type { TextSink } from '../command.js';
import { grouped } from './number-format.js';

export type Cell = string | number | null | undefined;

export function writeTable(out: TextSink, header: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const numeric = header.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'));
  const text = rows.map((row) => header.map((_, column) => cellText(row[column])));
  const widths = header.map((title, column) =>
    text.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), title.length),
  );
  for (const row of [header, ...text]) {
    const line = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return numeric[column] === true ? cell.padStart(width) : cell.padEnd(width);
    });
    out.write(`${line.join('  ').trimEnd()}\n`);
  }
}

/** Control characters in stored text must not reach a terminal. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\u00b7');
}

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined || cell === '') return '-';
  return typeof cell === 'number' ? grouped(cell) : printable(cell);
}
