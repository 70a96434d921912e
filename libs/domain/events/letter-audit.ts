/** What somebody did about a dead letter, as a row of the event log: it is kept and found as every other event. */
import type { JsonObject } from '../json.js';
import type { UsageEvent } from './usage-event.js';

export const LETTER_SOURCE = 'keymeter/dead-letter';

export interface LetterAudit {
  readonly state: 'replayed' | 'dropped';
  /** `partition:offset:index` */
  readonly position: string;
  readonly by: string;
  readonly note: string;
  readonly events: number;
}

/** `id` must be new for every row. */
export function letterAudit(id: string, time: number, { state, position, ...rest }: LetterAudit): UsageEvent {
  const data: JsonObject = { position, ...rest };
  const type = `keymeter.dead_letter.${state}`;
  return { id, source: LETTER_SOURCE, type, subject: position, time, data, idHash: 0, fingerprint: 0 };
}
