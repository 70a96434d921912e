/** Why an event does not count in a meter, in the words that clients of the metering protocol match. */
import type { Json } from '../json.js';
import { boundedDecimal, NUMBER_GRAMMAR } from './decimal.js';
import { parseJsonPath, valueAt } from './json-path.js';
import type { Meter } from './meter.js';

const MAX_QUOTED = 64;
const NUMBER = new RegExp(NUMBER_GRAMMAR);

/** Faults of the event against every meter of its type, one per line; undefined where it counts in all of them. */
export function eventFault(type: string, data: Json, meters: readonly Meter[]): string | undefined {
  const ofType = meters.filter(({ eventType }) => eventType === type);
  if (ofType.length === 0) return `no meter found for event type: ${type}`;
  const faults = new Set(ofType.map((meter) => meterFault(data, meter)).filter((fault) => fault !== undefined));
  return faults.size === 0 ? undefined : [...faults].map((fault) => `invalid event: ${fault}`).join('\n');
}

function meterFault(data: Json, { aggregation, valueProperty }: Meter): string | undefined {
  if (valueProperty === undefined) return undefined;
  if (data === null) return 'null and missing value property';
  const parsed = parseJsonPath(valueProperty);
  const value = parsed.ok ? valueAt(data, parsed.path) : undefined;
  if (value === undefined) return `missing value property: "${valueProperty}"`;
  if (value === null) return 'value cannot be null';
  if (typeof value === 'object') return `unsupported value property type: ${Array.isArray(value) ? 'array' : 'object'}`;
  return aggregation === 'UNIQUE_COUNT' ? undefined : numberFault(value);
}

function numberFault(value: unknown): string | undefined {
  if (typeof value === 'boolean') return 'unsupported value property type: boolean';
  const text = String(value);
  if (/^[+-]?nan$/i.test(text)) return 'value cannot be NaN';
  if (/^[+-]?inf(inity)?$/i.test(text)) return 'value cannot be infinity';
  if (!NUMBER.test(text)) return `value cannot be parsed as float64: ${text.slice(0, MAX_QUOTED)}`;
  return boundedDecimal(text, MAX_WHOLE_DIGITS, 0) === undefined ? 'value is too large to be counted' : undefined;
}

/** Larger numbers are not counted, so that no sum overflows. */
const MAX_WHOLE_DIGITS = 45;
