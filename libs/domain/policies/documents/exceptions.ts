/** Who is left alone: values of the subject, or events of which a condition holds, until a date. By event time. */
import type { PlacedEvent } from '../../events/usage-event.js';
import { filterOf } from '../measures/measure-columns.js';
import type { PolicyDocument } from './policy-document.js';
import { SEPARATOR } from './subject-separator.js';

export function exceptionTest(exceptions: PolicyDocument['except']): (event: PlacedEvent, subject: string) => boolean {
  const byValue = new Map<string, number>();
  const conditions: { readonly holds: (event: PlacedEvent) => boolean; readonly end: number }[] = [];
  for (const { value, when, until } of exceptions) {
    const end = until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until);
    if (value !== undefined) byValue.set(value, Math.max(end, byValue.get(value) ?? end));
    if (when !== undefined) conditions.push({ holds: filterOf(when), end });
  }
  if (exceptions.length === 0) return () => false; // asked for every event of a quota
  return (event, subject) => {
    const [first = ''] = subject.split(SEPARATOR, 1);
    if (event.time < (byValue.get(first) ?? Number.NEGATIVE_INFINITY)) return true;
    return conditions.some(({ holds, end }) => event.time < end && holds(event));
  };
}
