import { chartLine } from './chart.js';

const at = (values: readonly (number | null)[]) => ({
  name: 'calls',
  points: values.map((value, n) => ({ time: n * 10, value })),
});

test('the largest value is a full bar, zero the lowest one, and what is not known is blank', () => {
  const line = chartLine(at([0, 7, null, 14]), 0, 600);
  expect(line).toHaveLength(60);
  expect(line.trimEnd()).toBe('▁▅ █');
});

test('the last point is drawn in the last column, and a measure without points is blank', () => {
  expect(chartLine({ name: 'calls', points: [{ time: 600, value: 3 }] }, 0, 600).at(-1)).toBe('█');
  expect(chartLine(at([]), 0, 600).trim()).toBe('');
});
