/** What became of a batch. `undecided`: durable, but the server did not say in time whether new or duplicate. */
export interface BatchOutcome {
  accepted: number;
  duplicate: number;
  conflict: number;
  undecided: number;
  refused: { number: number; reason: string }[];
  position: string | undefined;
}

export function emptyOutcome(): BatchOutcome {
  return { accepted: 0, duplicate: 0, conflict: 0, undecided: 0, refused: [], position: undefined };
}

export function addOutcome(sum: BatchOutcome, part: BatchOutcome): void {
  sum.accepted += part.accepted;
  sum.duplicate += part.duplicate;
  sum.conflict += part.conflict;
  sum.undecided += part.undecided;
  sum.refused.push(...part.refused);
  sum.position = part.position ?? sum.position;
}
