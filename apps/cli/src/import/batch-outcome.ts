import { z } from 'zod';
import { formatPositions, latestPositions, parsePositions } from '#domain/log/position.js';
import { parseProblem } from '../http/problem-text.js';

/** Events that are durable on the server, which says at `path` what became of them once that is decided. */
export interface StoredEvents {
  readonly path: string;
  readonly count: number;
}

/** What became of a batch. `undecided`: durable, but the server could not say whether new or duplicate. */
export interface BatchOutcome {
  accepted: number;
  duplicate: number;
  conflict: number;
  undecided: number;
  refused: { number: number; reason: string }[];
  /** Counted in none of the numbers yet. */
  stored: StoredEvents[];
  position: string | undefined;
}

export function emptyOutcome(): BatchOutcome {
  return { accepted: 0, duplicate: 0, conflict: 0, undecided: 0, refused: [], stored: [], position: undefined };
}

export function undecidedOutcome(count: number): BatchOutcome {
  return { ...emptyOutcome(), undecided: count };
}

const countsSchema = z.object({ accepted: z.number(), duplicate: z.number(), conflict: z.number() });

/** Of `count` events, from the body of an answer; what it does not speak of is undecided. */
export function countedOutcome(body: string, count: number): BatchOutcome {
  const counts = countsSchema.safeParse(parseProblem(body));
  if (!counts.success) return undecidedOutcome(count);
  const { accepted, duplicate, conflict } = counts.data;
  const undecided = Math.max(0, count - accepted - duplicate - conflict);
  return { ...emptyOutcome(), accepted, duplicate, conflict, undecided };
}

export function addOutcome(sum: BatchOutcome, part: BatchOutcome): void {
  sum.accepted += part.accepted;
  sum.duplicate += part.duplicate;
  sum.conflict += part.conflict;
  sum.undecided += part.undecided;
  sum.refused.push(...part.refused);
  sum.stored.push(...part.stored);
  sum.position = latestOf(sum.position, part.position);
}

/** Batches may end in different partitions: who waits for the whole import waits for the last of each. */
function latestOf(sum: string | undefined, part: string | undefined): string | undefined {
  if (sum === undefined || part === undefined) return part ?? sum;
  return formatPositions(latestPositions(parsePositions(sum) ?? [], parsePositions(part) ?? []));
}
