import { eventFault } from './event-fault.js';
import { createMeter, meterDefinition } from './meter.js';

const meterOf = (definition: object) =>
  createMeter(meterDefinition.parse({ slug: 'm', eventType: 't', ...definition }), 'id', 0);
const sum = meterOf({ aggregation: 'SUM', valueProperty: '$.duration_ms' });
const unique = meterOf({ aggregation: 'UNIQUE_COUNT', valueProperty: '$.duration_ms' });
const count = meterOf({ aggregation: 'COUNT' });

test.each([
  [null, 'invalid event: null and missing value property'],
  [{}, 'invalid event: missing value property: "$.duration_ms"'],
  [{ duration_ms: null }, 'invalid event: value cannot be null'],
  [{ duration_ms: 'abc' }, 'invalid event: value cannot be parsed as float64: abc'],
  [{ duration_ms: '' }, 'invalid event: value cannot be parsed as float64: '],
  [{ duration_ms: 'NaN' }, 'invalid event: value cannot be NaN'],
  [{ duration_ms: '-Inf' }, 'invalid event: value cannot be infinity'],
  [{ duration_ms: true }, 'invalid event: unsupported value property type: boolean'],
  [{ duration_ms: {} }, 'invalid event: unsupported value property type: object'],
  [{ duration_ms: [1] }, 'invalid event: unsupported value property type: array'],
  [{ duration_ms: '1e60' }, 'invalid event: value is too large to be counted'],
  [{ duration_ms: '1e3' }, undefined],
  [{ duration_ms: 1.5 }, undefined],
])('%j in a sum: %s', (data, fault) => {
  expect(eventFault('t', data, [sum])).toBe(fault);
});

test('an event without a meter of its type says so', () => {
  expect(eventFault('u', null, [sum])).toBe('no meter found for event type: u');
});

test('any scalar counts as a unique value, any event in a count', () => {
  expect(eventFault('t', { duration_ms: 'abc' }, [unique, count])).toBeUndefined();
  expect(eventFault('t', null, [count])).toBeUndefined();
});

test('faults of several meters are told once each, by line', () => {
  const other = meterOf({ aggregation: 'MAX', valueProperty: '$.n' });
  expect(eventFault('t', {}, [sum, sum, other])?.split('\n')).toEqual([
    'invalid event: missing value property: "$.duration_ms"',
    'invalid event: missing value property: "$.n"',
  ]);
});
