/** Plain numbered events for tests that need no load: batch after batch, every outcome kept. */
import type { CallResult, HttpCaller } from './http-caller.js';
import { allEvents } from './server-view.js';

export const NUMBERED_TYPE = 'crash.numbered';
const MOST_PROBLEMS = 10;

export interface NumberedOptions {
  readonly first?: number;
  readonly time?: string;
  readonly subject?: string;
  /** Characters of ballast in each event. */
  readonly ballast?: number;
}

export function numberedEvents(
  count: number,
  { first = 0, time, subject = 's', ballast = 0 }: NumberedOptions = {},
): object[] {
  const data = ballast > 0 ? { value: 1, ballast: 'x'.repeat(ballast) } : { value: 1 };
  const rest = { specversion: '1.0', source: 'crash/numbered', type: NUMBERED_TYPE, subject, data };
  return Array.from({ length: count }, (_, i) => ({ ...rest, id: `n${first + i}`, time }));
}

export function postEvents(
  caller: HttpCaller,
  events: readonly object[],
  headers: Record<string, string> = {},
): Promise<CallResult> {
  return caller.post('/api/v1/events', events, { 'content-type': 'application/cloudevents-batch+json', ...headers });
}

/** What is wrong if exactly the numbers below `count` are to be stored, each once; the first few of each kind. */
export async function misstored(caller: HttpCaller, count: number): Promise<string[]> {
  const times = new Array<number>(count).fill(0);
  const problems: string[] = [];
  for (const { id } of await allEvents(caller, NUMBERED_TYPE)) {
    const number = Number(id.slice(1));
    if (number < count) times[number] = (times[number] ?? 0) + 1;
    else problems.push(`${id} was never acknowledged and is stored`);
  }
  times.forEach((stored, number) => {
    if (stored !== 1) problems.push(`n${number} is stored ${stored} times`);
  });
  return problems.slice(0, MOST_PROBLEMS);
}
