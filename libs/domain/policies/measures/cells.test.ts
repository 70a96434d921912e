import { Cells } from './cells.js';
import { Rows } from './rows.js';

test('numbers of every size keep their own places in a row, over many chunks', () => {
  const rows = new Rows();
  const columns = [
    new Cells(rows, 1),
    new Cells(rows, 3, Uint32Array),
    new Cells(rows, 2),
    new Cells(rows, 5, Float32Array),
  ];
  const slots = [0, 1, 1_023, 1_024, 5_000];
  for (const slot of slots) for (const column of columns) column.fill(slot, 0);
  const numberAt = (slot: number, column: number, cell: number) => slot * 100 + column * 10 + cell;
  for (const slot of slots)
    for (const [n, column] of columns.entries())
      for (let cell = 0; cell < column.perSlot; cell++) column.set(slot, cell, numberAt(slot, n, cell));
  for (const slot of slots)
    for (const [n, column] of columns.entries())
      for (let cell = 0; cell < column.perSlot; cell++) expect(column.get(slot, cell)).toBe(numberAt(slot, n, cell));
  expect(rows.bytes % 8).toBe(0);
});

test('a column that is added when rows are in use is a mistake', () => {
  const rows = new Rows();
  new Cells(rows, 1).fill(0, 0);
  expect(() => new Cells(rows, 1)).toThrow('there are rows already');
});
