/** Whom an event is counted for, by one field or several. */
import type { PlacedEvent } from '../../events/usage-event.js';
import { targetReader } from '../field-reader.js';
import { SEPARATOR } from './subject-separator.js';

/** The subject as text; '' where the event lacks one of the fields. */
export function subjectReader(per: readonly string[]): (event: PlacedEvent) => string {
  const readers = per.map(targetReader);
  const [first] = readers;
  if (readers.length === 1 && first) return first;
  return (event) => {
    const values = readers.map((read) => read(event));
    return values.includes('') ? '' : values.join(SEPARATOR);
  };
}
