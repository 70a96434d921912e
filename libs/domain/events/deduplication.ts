/**
 * Which of several events with one (source, id) counts. A pure function of the log: an event is a repeat only if the
 * same identity stands at a smaller position, within the window of acceptance; so a replayed range decides the same
 * again. An event whose own time is older than the window is compared with all that is stored.
 */
import { comparePositions, type EventPosition } from '../log/position.js';
import type { PlacedEvent } from './usage-event.js';

export const DEFAULT_DEDUPE_WINDOW_MS = 35 * 86_400_000;

export type Fate = 'accepted' | 'duplicate' | 'conflict';

export interface SeenIdentity extends EventPosition {
  readonly source: string;
  readonly id: string;
  readonly fingerprint: number;
  readonly acceptedAt: number;
}

export function fateOf(event: PlacedEvent, seen: Iterable<SeenIdentity>, windowMs: number): Fate {
  const matters = event.time < event.acceptedAt - windowMs ? Number.NEGATIVE_INFINITY : event.acceptedAt - windowMs;
  let first: SeenIdentity | undefined;
  for (const other of seen) {
    if (other.source !== event.source || other.id !== event.id) continue;
    if (other.acceptedAt < matters || comparePositions(other, event) >= 0) continue;
    if (!first || comparePositions(other, first) < 0) first = other;
  }
  if (!first) return 'accepted';
  return first.fingerprint === event.fingerprint ? 'duplicate' : 'conflict';
}
