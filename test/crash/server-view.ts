/** Everything the server says about itself, read through its public API only. */
import type { HttpCaller } from './http-caller.js';

export interface RawEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  // biome-ignore lint/suspicious/noExplicitAny: data of any event
  readonly data?: any;
}

export interface MeterRow {
  readonly value: number;
  readonly windowStart: string;
  readonly windowEnd: string;
  readonly subject: string | null;
  readonly groupBy: Readonly<Record<string, string>>;
}

export interface DeadLetter {
  readonly reason: string;
  readonly detail: string;
  readonly source: string;
  readonly id: string;
  readonly bytes: string;
}

export interface ListedEnforcement {
  readonly id: string;
  readonly policyId: string;
  readonly target: { readonly per: string; readonly value: string };
  readonly cause: unknown;
}

const EVENTS_PAGE = 100;
const PAGE = 1_000;

/** Every stored event of the type, through the paged list. */
export async function allEvents(caller: HttpCaller, type: string): Promise<RawEvent[]> {
  const filter = encodeURIComponent(JSON.stringify({ type: { $eq: type } }));
  const items = await allPages<{ event: RawEvent }>(caller, `/api/v2/events?limit=${EVENTS_PAGE}&filter=${filter}`);
  return items.map(({ event }) => event);
}

export function allDeadLetters(caller: HttpCaller): Promise<DeadLetter[]> {
  return allPages(caller, '/api/v1/dead-letters?limit=100');
}

export function allEnforcements(caller: HttpCaller): Promise<ListedEnforcement[]> {
  return allPages(caller, `/api/v1/enforcements?limit=${PAGE}`);
}

export async function meterRows(caller: HttpCaller, slug: string, query: string): Promise<MeterRow[]> {
  const { data } = await caller.demand('GET', `/api/v1/meters/${slug}/query?${query}`);
  return data as MeterRow[];
}

/** Events by fate since the start of the process, from its metrics. */
export async function fatesMetric(caller: HttpCaller): Promise<Record<string, number>> {
  const answer = await caller.call('/metrics');
  if (answer.kind === 'lost') throw new Error(answer.reason);
  const matches = answer.text.matchAll(/^keymeter_events_total\{fate="(\w+)"\} (\d+)/gm);
  return Object.fromEntries([...matches].map(([, fate, count]) => [fate, Number(count)]));
}

let markers = 0;

/** Resolves when everything accepted so far is counted: a marker of our own has come through. */
export async function settled(caller: HttpCaller): Promise<void> {
  const id = `${process.pid}-${Date.now()}-${++markers}`;
  const event = { specversion: '1.0', id, source: 'crash/marker', type: 'crash.marker', subject: 'marker' };
  const sent = await caller.post('/api/v1/events', event, { 'content-type': 'application/cloudevents+json' });
  if (sent.kind === 'lost' || sent.status !== 204) throw new Error(`the marker was not taken: ${JSON.stringify(sent)}`);
  await countedUpTo(caller, String(sent.headers['keymeter-position']));
}

/** Resolves when everything below the position that an ingest answered is counted. */
export async function countedUpTo(caller: HttpCaller, position: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    const answer = await caller.call(`/api/v1/meters/requests/query?waitFor=${encodeURIComponent(position)}`);
    if (answer.kind === 'answer' && answer.status === 200) return;
    if (tries > 12) throw new Error(`not counted in time: ${JSON.stringify(answer).slice(0, 500)}`);
  }
}

/** Enforcements after two equal readings. */
export async function settledEnforcements(caller: HttpCaller): Promise<ListedEnforcement[]> {
  let before = -1;
  for (;;) {
    const now = await allEnforcements(caller);
    if (now.length === before) return now;
    before = now.length;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

async function allPages<T>(caller: HttpCaller, path: string): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page: { items: T[]; nextCursor?: string } = await caller.demand(
      'GET',
      cursor ? `${path}&cursor=${encodeURIComponent(cursor)}` : path,
    );
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor);
  return items;
}
