/** Each rollup through the query API against a plain fold of the raw events. */
import type { HttpCaller } from './http-caller.js';
import { Problems } from './problems.js';
import { type MeterRow, meterRows, type RawEvent } from './server-view.js';

const SIZES = ['MINUTE', 'HOUR', 'DAY', 'MONTH'] as const;
type Size = (typeof SIZES)[number];

/** Characters of an ISO time that name its window in UTC. */
const PREFIX: Record<Size, number> = { MINUTE: 16, HOUR: 13, DAY: 10, MONTH: 7 };

export interface MeterCase {
  readonly slug: string;
  readonly events: readonly RawEvent[];
  readonly groupBy: readonly string[];
  readonly value: (event: RawEvent) => number;
  readonly groups: (event: RawEvent) => string;
}

const keyAndOutcome = ({ data }: RawEvent) => `${data.keyId ?? ''} ${data.outcome}`;
const teamAndPlan = ({ subject, data }: RawEvent) => `${subject} ${data.plan}`;

/** The meters of the load's world, and the built-in one over verifications. */
export function usageMeters({
  usage,
  requests,
}: {
  usage: readonly RawEvent[];
  requests: readonly RawEvent[];
}): MeterCase[] {
  const ingested = { events: usage, groupBy: ['subject', 'plan'], groups: teamAndPlan };
  return [
    { ...ingested, slug: 'crash_events', value: () => 1 },
    { ...ingested, slug: 'crash_bytes', value: ({ data }) => data.bytes },
    { ...ingested, slug: 'crash_value', value: ({ data }) => data.value },
    // Only keys and subjects are in the rollups: these two are answered from them.
    { slug: 'crash_events', events: usage, groupBy: ['subject'], groups: ({ subject }) => subject, value: () => 1 },
    {
      slug: 'crash_bytes',
      events: usage,
      groupBy: ['subject'],
      groups: ({ subject }) => subject,
      value: ({ data }) => data.bytes,
    },
    { slug: 'requests', events: requests, groupBy: ['keyId', 'outcome'], groups: keyAndOutcome, value: () => 1 },
  ];
}

/** Compares every window size, and the totals without windows, exactly. */
export async function judgeTotals(caller: HttpCaller, cases: readonly MeterCase[]): Promise<string[]> {
  const problems = new Problems();
  for (const meter of cases) {
    const groupBy = meter.groupBy.map((name) => `groupBy=${name}`).join('&');
    for (const size of SIZES) {
      const rows = await meterRows(caller, meter.slug, `windowSize=${size}&${groupBy}`);
      const got = new Map(
        rows.map((row) => [`${row.windowStart.slice(0, PREFIX[size])} ${rowGroups(meter, row)}`, row.value]),
      );
      compare(
        `${meter.slug} ${size}`,
        got,
        folded(meter, (event) => utcPrefix(event.time, size)),
        problems,
      );
    }
    const rows = await meterRows(caller, meter.slug, groupBy);
    const got = new Map(rows.map((row) => [` ${rowGroups(meter, row)}`, row.value]));
    compare(
      `${meter.slug} total`,
      got,
      folded(meter, () => ''),
      problems,
    );
  }
  return problems.list;
}

function utcPrefix(time: string, size: Size): string {
  return new Date(time).toISOString().slice(0, PREFIX[size]);
}

function rowGroups({ groupBy }: MeterCase, row: MeterRow): string {
  return groupBy.map((name) => (name === 'subject' ? row.subject : row.groupBy[name])).join(' ');
}

function folded({ events, value, groups }: MeterCase, window: (event: RawEvent) => string): Map<string, number> {
  const sums = new Map<string, number>();
  for (const event of events) {
    const key = `${window(event)} ${groups(event)}`;
    sums.set(key, (sums.get(key) ?? 0) + value(event));
  }
  return sums;
}

function compare(what: string, got: Map<string, number>, expected: Map<string, number>, problems: Problems): void {
  for (const [key, value] of expected) {
    problems.check(
      got.get(key) === value,
      () => `${what} [${key}]: ${got.get(key)} by the query, ${value} in the raw events`,
    );
  }
  for (const [key, value] of got) {
    problems.check(expected.has(key), () => `${what} [${key}]: ${value} by the query, nothing in the raw events`);
  }
}
