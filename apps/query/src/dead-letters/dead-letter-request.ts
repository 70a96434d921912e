import { z } from 'zod';
import { type EventPosition, parsePlace } from '#domain/log/position.js';
import { HttpProblem } from '#runtime/http/http-problem.js';

export const deadLetterListing = z.object({
  reason: z.enum(['undecodable', 'conflict']).optional(),
  state: z.enum(['open', 'replayed', 'dropped']).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(100),
  cursor: z.string().optional(),
});

const note = z.string().trim().max(500);

/** `events`: CloudEvents that take the letter's place, under the source and id that it has. */
export const replaySchema = z.strictObject({
  events: z.array(z.record(z.string(), z.unknown())).min(1).max(1_000).optional(),
  note: note.optional(),
});
export type ReplayInput = z.output<typeof replaySchema>;

export const dropSchema = z.strictObject({ reason: note.min(1) });
export type DropInput = z.output<typeof dropSchema>;

/** Throws 404: there is no letter under another kind of name. */
export function placeOf(text: string): EventPosition {
  const place = parsePlace(text);
  if (!place) throw letterNotFound(text);
  return place;
}

export function letterNotFound(text: string): HttpProblem {
  return new HttpProblem(404, 'data/dead_letter_not_found', `There is no dead letter ${text.slice(0, 40)}.`);
}
