/** How the frames decided last came out, in numbers only: a few bytes a frame, so that a long import is remembered. */
import type { Position } from '#domain/log/position.js';
import type { FateCounts } from '#ports/event-fates.js';
import type { DecidedFrame } from './decided-frame.js';

const DEFAULT_FRAMES = 100_000;
const COLUMNS = 4;
/** Spreads partitions: frames of one partition follow one another and never meet before the table is full. */
const PARTITION_STRIDE = 7_919;

/** A table of fixed size: a frame takes the place that its position names, and the one before it is forgotten. */
export class FateCountTable {
  readonly #partitions: Int32Array;
  readonly #offsets: Float64Array;
  readonly #counts: Uint32Array;

  constructor(private readonly frames = DEFAULT_FRAMES) {
    this.#partitions = new Int32Array(frames).fill(-1);
    this.#offsets = new Float64Array(frames);
    this.#counts = new Uint32Array(frames * COLUMNS);
  }

  remember(frame: DecidedFrame): void {
    const slot = this.#slot(frame);
    const { accepted, duplicate, conflict, undecodable } = countsOf(frame);
    this.#partitions[slot] = frame.partition;
    this.#offsets[slot] = frame.offset;
    this.#counts.set([accepted, duplicate, conflict, undecodable], slot * COLUMNS);
  }

  /** Undefined where the frame was never seen or is forgotten. */
  find(frame: Position): FateCounts | undefined {
    const slot = this.#slot(frame);
    if (this.#partitions[slot] !== frame.partition || this.#offsets[slot] !== frame.offset) return undefined;
    const first = slot * COLUMNS;
    const [accepted, duplicate, conflict, undecodable] = this.#counts.subarray(first, first + COLUMNS);
    return { accepted, duplicate, conflict, undecodable } as FateCounts;
  }

  #slot({ partition, offset }: Position): number {
    return (partition * PARTITION_STRIDE + offset) % this.frames;
  }
}

function countsOf({ events, duplicates, fates }: DecidedFrame): FateCounts {
  if (!fates) return { accepted: events.length, duplicate: 0, conflict: 0, undecodable: 0 };
  let conflict = 0;
  for (const fate of fates) if (fate === 'conflict') conflict++;
  const undecodable = fates.length - events.length - duplicates - conflict;
  return { accepted: events.length, duplicate: duplicates, conflict, undecodable };
}
