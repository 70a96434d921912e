/** Plain numbered events for tests that need no load: batch after batch, every outcome kept. */
import type { CallResult, HttpCaller } from './http-caller.js';
import { allEvents } from './server-view.js';

export const NUMBERED_TYPE = 'crash.numbered';

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

/** Numbers of the stored events, ascending, each as often as it is stored. */
export async function storedNumbers(caller: HttpCaller): Promise<number[]> {
  const events = await allEvents(caller, NUMBERED_TYPE);
  return events.map(({ id }) => Number(id.slice(1))).sort((a, b) => a - b);
}

export function numbersBelow(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
