/** Makes the columns of a policy from what it says it measures. */
import type { Value } from '../../conditions/condition-value.js';
import { EVENT_VARIABLES } from '../../conditions/event-variables.js';
import { storedCondition, storedExpression } from '../../conditions/stored-condition.js';
import type { PlacedEvent } from '../../events/usage-event.js';
import { durationMs } from '../duration.js';
import { type Measure, readMeasure, total } from '../measure.js';
import { NumberedNames } from '../numbered-names.js';
import { BaselineColumn } from './baseline-column.js';
import { CountColumn } from './count-column.js';
import { MaxColumn } from './max-column.js';
import type { Filter, MeasureColumn } from './measure-column.js';
import type { MeasureSpec } from './measure-schema.js';
import { PercentileColumn } from './percentile-column.js';
import { QuietColumn } from './quiet-column.js';
import { Rows } from './rows.js';
import { ShareColumn } from './share-column.js';
import { SumColumn } from './sum-column.js';
import { UniqueColumn } from './unique-column.js';
import { windowOf } from './window.js';

export type MeasureSpecs = Readonly<Record<string, MeasureSpec>>;

/** Buckets of a sliding window at most. */
export const BUCKETS = 60;
/** A percentile keeps a histogram in each. */
export const PERCENTILE_BUCKETS = 12;

/** Side by side in the rows of the policy. */
export function columnsOf(specs: MeasureSpecs, rows = new Rows()): Map<string, MeasureColumn> {
  const names = new ValueNames();
  return new Map(Object.entries(specs).map(([name, spec]) => [name, columnOf(rows, spec, specs, names)]));
}

/** Columns of the values of one field share the names of these. */
class ValueNames {
  readonly #byField = new Map<string, NumberedNames>();

  of(field: string): NumberedNames {
    let names = this.#byField.get(field);
    if (names === undefined) {
      names = new NumberedNames();
      this.#byField.set(field, names);
    }
    return names;
  }
}

function columnOf(rows: Rows, spec: MeasureSpec, specs: MeasureSpecs, names: ValueNames): MeasureColumn {
  if (spec.aggregate === 'baseline') return baselineOf(rows, spec, specs);
  const where = spec.where === undefined ? undefined : filterOf(spec.where);
  if (spec.aggregate === 'quiet') return new QuietColumn(rows, durationMs(spec.window), where);
  const window = () => windowOf(rows, spec.window, BUCKETS);
  switch (spec.aggregate) {
    case 'count':
      return new CountColumn(rows, window(), where);
    case 'share':
      return new ShareColumn(rows, window, filterOf(spec.of), where);
    case 'sum':
    case 'avg':
      return new SumColumn(rows, window(), readerOf(spec.of), where, spec.aggregate);
    case 'max':
      return new MaxColumn(rows, window(), readerOf(spec.of), where);
    case 'percentile':
      return new PercentileColumn(
        windowOf(rows, spec.window, PERCENTILE_BUCKETS),
        readerOf(spec.of),
        spec.percentile,
        where,
      );
    default:
      return new UniqueColumn(rows, window(), readerOf(spec.of), where, spec.aggregate, names.of(spec.of));
  }
}

function baselineOf(
  rows: Rows,
  spec: Extract<MeasureSpec, { aggregate: 'baseline' }>,
  specs: MeasureSpecs,
): BaselineColumn {
  const of = specs[spec.of];
  if (of?.aggregate !== 'count' && of?.aggregate !== 'sum') throw new TypeError(`no baseline of ${spec.of}`);
  const where = of.where === undefined ? () => true : filterOf(of.where);
  const read = of.aggregate === 'sum' ? readerOf(of.of) : () => 1;
  const value: Measure = { units: 0, nanos: 0 };
  return new BaselineColumn(rows, {
    amount: (event) => (where(event) && readMeasure(read(event), value) ? total(value.units, value.nanos) : undefined),
    windowMs: durationMs(of.window as string),
    warmUpMs: durationMs(spec.warmUp),
    floor: spec.floor,
  });
}

/** Of a text that the schema has checked. */
export function filterOf(text: string): Filter {
  return storedCondition(text, EVENT_VARIABLES).holds;
}

/** Of a text that the schema has checked. */
export function readerOf(text: string): (event: PlacedEvent) => Value {
  return storedExpression(text, EVENT_VARIABLES).term.read;
}
