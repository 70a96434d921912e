/** Events on their way to the server, with the lines they came from. */
export interface BatchLine {
  readonly number: number;
  readonly json: string;
}

/** The server's limits are 10,000 events and 8 MiB a request; half of that keeps answers quick. */
export const MAX_BATCH_EVENTS = 4_000;
export const MAX_BATCH_CHARS = 3 * 1024 * 1024;

export class EventBatch {
  readonly lines: BatchLine[] = [];
  #chars = 0;

  add(number: number, json: string): void {
    this.lines.push({ number, json });
    this.#chars += json.length + 1;
  }

  get isFull(): boolean {
    return this.lines.length >= MAX_BATCH_EVENTS || this.#chars >= MAX_BATCH_CHARS;
  }

  get isEmpty(): boolean {
    return this.lines.length === 0;
  }
}

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
