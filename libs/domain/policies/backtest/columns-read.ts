/** What a backtest looks at in each event, found in the text of its policies: nothing else need be read from the store. */
import { namesIn } from '../../conditions/names-in.js';
import { dimensionColumn } from '../../events/event-dimension.js';
import { dataPath } from '../field-reader.js';
import { isThreshold } from '../grouping.js';
import { comparesTexts } from '../matcher.js';
import type { MeasureSpec } from '../measures/measure-schema.js';
import type { Policy } from '../policy.js';
import { STORED_COLUMNS, type StoredColumn } from './stored-columns.js';

/** Every row has them, whatever is asked. */
const ALWAYS: ReadonlySet<string> = new Set(['type', 'source', 'time']);
/** A request that had been refused already is none that a policy would have refused. */
const OF_REFUSALS = ['outcome'];

/** `tagged`: the field by which subjects are marked, where there is one. */
export function columnsRead(policies: readonly Policy[], tagged?: string): readonly StoredColumn[] {
  const read = new Set<StoredColumn>();
  const fields = policies.flatMap((policy) => [...fieldsRead(policy)]);
  for (const field of [...fields, ...OF_REFUSALS, ...(tagged === undefined ? [] : [dataPath(tagged)])]) {
    if (!ALWAYS.has(field)) read.add(columnOf(field));
  }
  return STORED_COLUMNS.filter((column) => read.has(column));
}

/** Names of fields, and of variables of conditions. */
function* fieldsRead(policy: Policy): Iterable<string> {
  if (isThreshold(policy)) {
    const { match, groupBy, field } = policy;
    if (typeof match === 'string') yield* namesIn(match);
    else
      for (const [path, condition] of Object.entries(match.data ?? {})) yield comparesTexts(condition) ? path : 'data';
    yield dataPath(groupBy);
    if (field !== undefined) yield 'data';
    return;
  }
  const { match, per, measures, when, then, except } = policy.document;
  yield* per.map(dataPath);
  const whens = [when, ...then.map((stage) => stage.when), ...except.map((exception) => exception.when)];
  for (const text of [match, ...whens, ...Object.values(measures).flatMap(textsOf)]) {
    if (text === undefined) continue;
    // No measure has the name of a field.
    for (const name of namesIn(text)) if (!Object.hasOwn(measures, name)) yield name;
  }
}

function textsOf(spec: MeasureSpec): (string | undefined)[] {
  return ['where' in spec ? spec.where : undefined, 'of' in spec ? spec.of : undefined];
}

/** Whatever has no column of its own is in the data. */
function columnOf(field: string): StoredColumn {
  if (field === 'subject' || field === 'id') return field;
  return dimensionColumn(field) ?? 'data';
}
