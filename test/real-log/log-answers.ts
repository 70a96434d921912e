/** What an access log says, computed without any code of the product: a port of the data's own answers.py. */
const LINE =
  /^(\S+) (\S+) (\S+) \[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?\s*$/;
const STAMP = /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/;
const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';
const MINUTE_MS = 60_000;

type Counts = Record<string, number>;

export interface LogAnswers {
  readonly lines: number;
  readonly parsed: number;
  readonly malformed_lines: readonly number[];
  readonly bytes: number;
  readonly by_day: Counts;
  readonly by_hour: Counts;
  readonly by_minute: Counts;
  readonly by_status: Counts;
  readonly by_method: Counts;
  readonly by_client: Counts;
  readonly by_client_and_day: Counts;
  readonly top_routes: readonly (readonly [route: string, requests: number])[];
  readonly clients_over_n_per_minute: Record<string, { readonly tumbling: string[]; readonly sliding: string[] }>;
}

export const THRESHOLDS = [10, 20, 30, 60] as const;

export function answersOf(text: string): LogAnswers {
  const [by_day, by_hour, by_minute, by_status, by_method, by_client, by_client_and_day, routes] = emptyCounts();
  const times = new Map<string, number[]>();
  const malformed_lines: number[] = [];
  const lines = text.replace(/\n$/, '').split('\n');
  let bytes = 0;
  for (const [index, line] of lines.entries()) {
    const request = readRequest(line);
    if (request === undefined) {
      malformed_lines.push(index + 1);
      continue;
    }
    const { ip, time, method, route, status } = request;
    const iso = new Date(time).toISOString();
    add(by_day, iso.slice(0, 10));
    add(by_hour, `${iso.slice(0, 13)}Z`);
    add(by_minute, `${iso.slice(0, 16)}Z`);
    add(by_status, status);
    add(by_client, ip);
    add(by_client_and_day, `${ip} ${iso.slice(0, 10)}`);
    add(by_method, method);
    if (route !== undefined) add(routes, route);
    bytes += request.bytes;
    times.set(ip, [...(times.get(ip) ?? []), time]);
  }
  const counts = { by_day, by_hour, by_minute, by_status, by_method, by_client, by_client_and_day };
  const parsed = lines.length - malformed_lines.length;
  const clients_over_n_per_minute = clientsOver(times);
  return {
    lines: lines.length,
    parsed,
    malformed_lines,
    bytes,
    ...counts,
    top_routes: top(routes),
    clients_over_n_per_minute,
  };
}

export interface LoggedRequest {
  readonly ip: string;
  /** Epoch ms. */
  readonly time: number;
  readonly method: string;
  readonly route?: string;
  readonly status: string;
  readonly bytes: number;
}

export function readRequest(line: string): LoggedRequest | undefined {
  const [, ip, , , stamp = '', request = '', status = '', size] = LINE.exec(line) ?? [];
  if (ip === undefined) return undefined;
  const [method = '', path] = request.split(' ');
  const bytes = size === '-' ? 0 : Number(size);
  return { ip, time: instantOf(stamp), method, route: path?.split('?')[0], status, bytes };
}

function emptyCounts(): [Counts, Counts, Counts, Counts, Counts, Counts, Counts, Counts] {
  return [{}, {}, {}, {}, {}, {}, {}, {}];
}

function add(counts: Counts, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

function instantOf(stamp: string): number {
  const [, day, month = '', year, hour, minute, second, sign, zoneHours, zoneMinutes] = STAMP.exec(stamp) ?? [];
  const local = Date.UTC(
    Number(year),
    MONTHS.indexOf(month) / 3,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  const offset = (Number(zoneHours) * 60 + Number(zoneMinutes)) * MINUTE_MS;
  return sign === '-' ? local + offset : local - offset;
}

function top(counts: Counts): [string, number][] {
  const byCount = (a: [string, number], b: [string, number]) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1);
  return Object.entries(counts).sort(byCount).slice(0, 25);
}

function clientsOver(times: ReadonlyMap<string, number[]>): LogAnswers['clients_over_n_per_minute'] {
  const over = (peak: (times: number[]) => number, n: number) =>
    [...times]
      .filter(([, stamps]) => peak(stamps) > n)
      .map(([client]) => client)
      .sort();
  return Object.fromEntries(
    THRESHOLDS.map((n) => [n, { tumbling: over(tumblingPeak, n), sliding: over(slidingPeak, n) }]),
  );
}

/** Most events in one calendar minute. */
function tumblingPeak(times: readonly number[]): number {
  const minutes = new Map<number, number>();
  for (const time of times)
    minutes.set(Math.floor(time / MINUTE_MS), (minutes.get(Math.floor(time / MINUTE_MS)) ?? 0) + 1);
  return Math.max(...minutes.values());
}

/** Most events in any window `(t - 1 min, t]` that ends at one of them. */
function slidingPeak(times: readonly number[]): number {
  return Math.max(...times.map((end) => times.filter((time) => time > end - MINUTE_MS && time <= end).length));
}
