/** Every measure against a plain computation over all events, in order and out of order, with a snapshot in between. */
import { drawSeed, randomFrom } from '../../../../test/support/seed.js';
import { calendarWindowAt } from '../calendar-window.js';
import { durationMs } from '../duration.js';
import { eventAt } from '../policy-fixture.js';
import { bucketsOf } from './bucket-size.js';
import { columnsOf, type MeasureSpecs } from './measure-columns.js';
import { type MeasureWindow, measureSchema } from './measure-schema.js';
import { StateReader, StateWriter } from './state-bytes.js';

const random = randomFrom(drawSeed('measures'));
const between = (low: number, high: number) => low + Math.floor(random() * (high - low + 1));
const START = Date.UTC(2026, 2, 28, 20); // the night in which Berlin loses an hour
const SLOT = 3;

interface Seen {
  readonly time: number;
  readonly value: number;
  readonly ip: string;
}

/** Events that the window of the newest one holds, by the buckets that the guide names. */
function held(window: MeasureWindow, seen: readonly Seen[], most: number): Seen[] {
  const newest = Math.max(...seen.map(({ time }) => time));
  if (typeof window === 'string') {
    const { bucketMs, buckets } = bucketsOf(durationMs(window), most);
    const first = Math.floor(newest / bucketMs) - buckets + 1;
    return seen.filter(({ time }) => Math.floor(time / bucketMs) >= first);
  }
  if ('calendar' in window) {
    const { start } = calendarWindowAt(window.calendar, window.timeZone, newest);
    return seen.filter(({ time }) => time >= start);
  }
  throw new TypeError('sessions have their own test');
}

const WINDOWS: MeasureWindow[] = [
  '1s',
  '10s',
  '90s',
  '100s',
  '1h',
  '31d',
  { calendar: 'hour', timeZone: 'Europe/Berlin' },
  { calendar: 'day', timeZone: 'Europe/Berlin' },
  { calendar: 'month', timeZone: 'Asia/Kathmandu' },
];

/** In most windows events are some buckets apart; now and then a long pause, now and then one that comes late. */
function draw(count: number, step: number): Seen[] {
  let time = START;
  return Array.from({ length: count }, () => {
    time += random() < 0.02 ? step * between(20, 90) : between(0, step);
    const late = random() < 0.2 ? between(0, 5 * step) : 0;
    return { time: time - late, value: between(-3, 500) / 4, ip: `10.0.0.${between(1, 12)}` };
  });
}

const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);

describe.each(WINDOWS)('over %j', (window) => {
  const specs: MeasureSpecs = Object.fromEntries(
    Object.entries({
      count: { aggregate: 'count', where: 'bytes > 20' },
      total: { aggregate: 'sum', of: 'bytes' },
      avg: { aggregate: 'avg', of: 'data.bytes' },
      max: { aggregate: 'max', of: 'bytes' },
      unique: { aggregate: 'unique', of: 'ip' },
      share: { aggregate: 'share', of: 'bytes > 60' },
      p90: { aggregate: 'percentile', percentile: 90, of: 'bytes' },
    }).map(([name, spec]) => [name, measureSchema.parse({ ...spec, window })]),
  );

  test('each measure is what adding up the events of its buckets says', () => {
    let columns = columnsOf(specs);
    for (const column of columns.values()) column.reset(SLOT);
    const seen: Seen[] = [];
    const step = typeof window === 'string' ? Math.max(200, durationMs(window) / 40) : 600_000;
    draw(400, step).forEach((one, n) => {
      const newestBefore = Math.max(...seen.map(({ time }) => time), Number.NEGATIVE_INFINITY);
      seen.push(one);
      const newest = Math.max(newestBefore, one.time);
      const event = eventAt(one.time, n, { bytes: one.value, ip: one.ip });
      for (const column of columns.values()) column.add(SLOT, event);
      const now = held(window, seen, 60);
      const value = (name: string) => columns.get(name)?.value(SLOT, newest);
      const values = now.map((it) => it.value);
      expect(value('count')).toBe(values.filter((it) => it > 20).length);
      expect(value('total')).toBe(sum(values));
      expect(value('avg')).toBe(sum(values) / values.length);
      expect(value('max')).toBe(Math.max(...values));
      expect(value('unique')).toBe(new Set(now.map(({ ip }) => ip)).size);
      expect(value('share')).toBe(values.filter((it) => it > 60).length / values.length);
      const ranked = held(window, seen, 12)
        .map((it) => it.value)
        .sort((a, b) => a - b);
      const p90 = Math.max(0, ranked[Math.ceil(0.9 * ranked.length) - 1] ?? 0);
      expect(Math.abs((value('p90') ?? -1) - p90)).toBeLessThanOrEqual(0.0100001 * p90);
      if (n % 50 === 0) columns = restored(columns);
    });
  });

  function restored(columns: ReturnType<typeof columnsOf>): ReturnType<typeof columnsOf> {
    const out = new StateWriter();
    for (const column of columns.values()) column.write(SLOT, out);
    const from = new StateReader(out.bytes());
    const copies = columnsOf(specs);
    for (const copy of copies.values()) {
      copy.reset(SLOT);
      copy.read(SLOT, from);
    }
    expect(from.atEnd).toBe(true);
    return copies;
  }
});

test('a session is everything since the last pause that was longer than the gap', () => {
  const window = { session: '30m' };
  const columns = columnsOf({
    calls: measureSchema.parse({ aggregate: 'count', window }),
    addresses: measureSchema.parse({ aggregate: 'unique', of: 'ip', window }),
  });
  for (const column of columns.values()) column.reset(SLOT);
  const minutes: [number, string, number, number][] = [
    [0, 'a', 1, 1],
    [30, 'b', 2, 2],
    [59, 'a', 3, 2],
    [90, 'c', 1, 1],
    [80, 'a', 2, 2],
  ];
  minutes.forEach(([minute, ip, calls, addresses], n) => {
    const event = eventAt(START + minute * 60_000, n, { ip });
    for (const column of columns.values()) column.add(SLOT, event);
    const newest = START + Math.max(...minutes.slice(0, n + 1).map(([at]) => at)) * 60_000;
    expect(columns.get('calls')?.value(SLOT, newest)).toBe(calls);
    expect(columns.get('addresses')?.value(SLOT, newest)).toBe(addresses);
  });
});

test('fresh says whether the value of this event was in the window before it, quiet how long the subject was silent', () => {
  const columns = columnsOf({
    fresh: measureSchema.parse({ aggregate: 'fresh', of: 'ip', window: '1h' }),
    quiet: measureSchema.parse({ aggregate: 'quiet', window: '60d' }),
  });
  for (const column of columns.values()) column.reset(SLOT);
  const found = [
    [0, 'a'],
    [1, 'a'],
    [1, 'b'],
    [90, 'a'],
  ].map(([minute, ip], n) => {
    const event = eventAt(START + Number(minute) * 60_000, n, { ip: String(ip) });
    for (const column of columns.values()) column.add(SLOT, event);
    return [...columns.values()].map((column) => column.value(SLOT, event.time));
  });
  expect(found).toEqual([
    [1, 0],
    [0, 60],
    [1, 0],
    [1, 89 * 60],
  ]);
});

describe('a baseline', () => {
  const HOUR = 3_600_000;
  const specs: MeasureSpecs = {
    calls: measureSchema.parse({ aggregate: 'count', window: '1h' }),
    usual: measureSchema.parse({ aggregate: 'baseline', of: 'calls', warmUp: '14d', floor: 2 }),
  };

  /** So many calls in each hour of three weeks. */
  function usualAfter(callsIn: (hour: number) => number, hours: number): number {
    const usual = columnsOf(specs).get('usual');
    usual?.reset(SLOT);
    for (let hour = 0; hour <= hours; hour++) {
      for (let n = 0; n < callsIn(hour); n++) usual?.add(SLOT, eventAt(START + hour * HOUR + n, hour));
    }
    usual?.add(SLOT, eventAt(START + hours * HOUR, 0));
    return usual?.value(SLOT, START + hours * HOUR) ?? Number.NaN;
  }

  test('finds nothing unusual before its warm-up is over', () => {
    expect(usualAfter(() => 5, 14 * 24 - 1)).toBe(Number.POSITIVE_INFINITY);
  });

  test('is the usual number of this hour of the week, not of another', () => {
    const busy = (hour: number) => (hour % 168 === 9 ? 100 : 5);
    expect(usualAfter(busy, 3 * 168 + 9)).toBe(100);
    expect(usualAfter(busy, 3 * 168 + 10)).toBe(5);
  });

  test('gives the newest week a quarter, and never goes below its floor', () => {
    expect(usualAfter((hour) => (hour < 336 ? Number(hour === 1) : hour < 504 ? 40 : 0), 504)).toBe(10);
    expect(usualAfter((hour) => (hour === 0 ? 1 : 0), 504)).toBe(2);
  });
});
