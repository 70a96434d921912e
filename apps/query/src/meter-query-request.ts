/** The metering protocol's query parameters, and the question to the usage store that they make. */
import { z } from 'zod';
import { storedPath } from '#domain/meters/json-path.js';
import type { Meter } from '#domain/meters/meter.js';
import { windowCount } from '#domain/meters/query-plan.js';
import { stringFilter } from '#domain/meters/string-filter.js';
import { type Field, type FieldCondition, fieldOf, type UsageQuery } from '#domain/meters/usage-query.js';
import { ZERO_AGGREGATIONS } from '#domain/meters/zero-fill.js';
import { instant } from '#domain/time/instant.js';
import { WINDOW_SIZES } from '#domain/time/time-window.js';
import { canonicalZone } from '#domain/time/zone-offset.js';
import { HttpProblem, invalidInput } from '#runtime/http/http-problem.js';
import { bracketed, jsonParameter, listOf, type RawQuery } from './request-query.js';

export const MAX_WINDOWS = 100_000;
const MAX_NAMES = 100;
const names = z.array(z.string().min(1).max(256)).max(MAX_NAMES).nullish();
/** Compared by whole seconds, as the protocol has it. */
const second = instant.transform((ms) => Math.floor(ms / 1000) * 1000).nullish();
const zone = z.string().transform((name, context) => {
  const canonical = canonicalZone(name);
  if (canonical !== undefined) return canonical;
  context.addIssue({ code: 'custom', message: `unknown time zone: ${name.slice(0, 64)}` });
  return z.NEVER;
});

export const meterQuery = z.object({
  from: second,
  to: second,
  windowSize: z.enum(WINDOW_SIZES).nullish(),
  windowTimeZone: zone.nullish(),
  subject: names,
  groupBy: names,
  filterGroupBy: z.record(z.string().max(64), z.array(z.string().max(1024)).min(1).max(MAX_NAMES)).nullish(),
  advancedMeterGroupByFilters: z.record(z.string().max(64), stringFilter).nullish(),
  filterCustomerId: names,
  clientId: z.string().min(1).max(36).nullish(),
  fill: z.enum(['zero']).nullish(),
});
export type MeterQuery = z.infer<typeof meterQuery>;

/** The shape of a POST body, out of a query string. */
export function fromQueryString(raw: RawQuery): object {
  return {
    ...raw,
    subject: listOf(raw.subject),
    groupBy: listOf(raw.groupBy),
    filterCustomerId: listOf(raw.filterCustomerId),
    filterGroupBy: bracketed(raw, 'filterGroupBy'),
    advancedMeterGroupByFilters: jsonParameter(raw, 'advancedMeterGroupByFilters'),
  };
}

/** Throws the 400 or 404 that names what is wrong. */
export function usageQuery(meter: Meter, query: MeterQuery): UsageQuery {
  const { from, to, windowSize, windowTimeZone } = query;
  if (typeof from === 'number' && typeof to === 'number' && from >= to) throw invalidInput('from must be before to');
  if (query.filterCustomerId?.length) throw new HttpProblem(404, 'data/customer_not_found', 'customer not found');
  const usage: UsageQuery = {
    eventType: meter.eventType,
    aggregation: meter.aggregation,
    valuePath: meter.valueProperty === undefined ? undefined : storedPath(meter.valueProperty),
    from: laterOf(from ?? undefined, meter.eventFrom),
    to: to ?? undefined,
    window: windowSize ? { size: windowSize, zone: windowTimeZone ?? 'UTC' } : undefined,
    bySubject: Boolean(query.subject?.length) || (query.groupBy?.includes('subject') ?? false),
    groups: groupKeys(query).map((key) => groupField(meter, key, 'group by')),
    conditions: conditionsOf(meter, query),
    withSpan: !windowSize && (typeof from !== 'number' || typeof to !== 'number'),
  };
  checkWindows(usage);
  checkFill(usage, query);
  return usage;
}

/** Meter keys to group by, as asked, each once. */
export function groupKeys({ groupBy }: MeterQuery): string[] {
  return [...new Set(groupBy ?? [])].filter((key) => key !== 'subject');
}

/** The 400 for a name that the meter does not have. */
export function groupField(meter: Meter, key: string, what: string): Field {
  const path = Object.hasOwn(meter.groupBy, key) ? meter.groupBy[key] : undefined;
  if (path === undefined) throw invalidInput(`invalid ${what}: ${key.slice(0, 64)}`);
  return fieldOf(storedPath(path));
}

function conditionsOf(meter: Meter, query: MeterQuery): FieldCondition[] {
  const { subject, filterGroupBy, advancedMeterGroupByFilters } = query;
  if (filterGroupBy && advancedMeterGroupByFilters) {
    throw invalidInput('filterGroupBy and advancedMeterGroupByFilters cannot be combined');
  }
  const conditions: FieldCondition[] = [];
  if (subject?.length) conditions.push({ field: { column: 'subject' }, filter: { $in: subject } });
  for (const [key, values] of Object.entries(filterGroupBy ?? {})) {
    conditions.push({ field: groupField(meter, key, 'group by filter'), filter: { $in: values } });
  }
  for (const [key, filter] of Object.entries(advancedMeterGroupByFilters ?? {})) {
    conditions.push({ field: groupField(meter, key, 'group by filter'), filter });
  }
  return conditions;
}

function checkWindows(usage: UsageQuery): void {
  if ((windowCount(usage) ?? 0) <= MAX_WINDOWS) return;
  throw invalidInput(
    `from and to span more than ${MAX_WINDOWS} windows: ask for a larger windowSize or a shorter time`,
  );
}

function checkFill({ aggregation }: UsageQuery, { fill, from, to, windowSize }: MeterQuery): void {
  if (!fill) return;
  if (!windowSize || typeof from !== 'number' || typeof to !== 'number') {
    throw invalidInput('fill: zero needs from, to and windowSize');
  }
  if (!ZERO_AGGREGATIONS.includes(aggregation)) throw invalidInput(`fill: the ${aggregation} of nothing is not zero`);
}

function laterOf(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
