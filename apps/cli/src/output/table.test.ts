import { csvLine } from './csv.js';
import { parseMetrics } from './metrics-text.js';
import { type Cell, printable, writeTable } from './table.js';

function table(header: string[], rows: Cell[][]): string {
  let text = '';
  writeTable({ write: (part) => (text += part) }, header, rows);
  return text;
}

test('text stands left, numbers right, nothing as -', () => {
  expect(
    table(
      ['who', 'requests'],
      [
        ['ada', 12_345],
        ['', 7],
      ],
    ),
  ).toBe('who  requests\nada    12,345\n-           7\n');
});

test('a table without rows is its header', () => {
  expect(table(['a', 'b'], [])).toBe('a  b\n');
});

test('control characters of stored text never reach the terminal', () => {
  expect(printable('a\u001b[31mb\r\n\u009b')).toBe('a·[31mb···');
  expect(table(['ua'], [['\u001b]0;title\u0007']])).not.toContain('\u001b');
});

test('CSV cells with commas, quotes or line ends are quoted', () => {
  expect(csvLine(['a', 'b,c', 'd"e', 'f\ng', null, 1.5])).toBe('a,"b,c","d""e","f\ng",,1.5\n');
});

test('metrics keep name, labels and value; comments and buckets are left out', () => {
  const page = '# HELP a b\na_total{x="1",y="} "} 4\nb 2.5\nc_bucket{le="1"} 3\nd NaN\n';
  expect(parseMetrics(page)).toEqual([
    { name: 'a_total', labels: 'x="1",y="} "', value: 4 },
    { name: 'b', labels: '', value: 2.5 },
  ]);
});
