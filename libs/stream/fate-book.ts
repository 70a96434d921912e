/** Remembers the fates of the frames decided last, for senders who want to know. Bounded. */
import type { Fate } from '#domain/events/deduplication.js';
import type { Position } from '#domain/log/position.js';
import { EventFates, type FateCounts } from '#ports/event-fates.js';
import type { DecidedFrame } from './decided-frame.js';
import type { FrameSink } from './event-pump.js';
import { FateCountTable } from './fate-counts.js';

type Fates = readonly (Fate | 'undecodable')[];

const FRAMES_KEPT = 2_000;

export class FateBook extends EventFates implements FrameSink {
  /** Frames where some event was not accepted, by `partition:offset`, oldest first. */
  readonly #mixed = new Map<string, Fates>();
  readonly #counts = new FateCountTable();
  readonly #decided: number[] = [];
  readonly #firstHere: number[] = [];
  readonly #waiting = new Set<() => void>();

  /** `starts`: where reading of a partition began; what lies before it was decided by an earlier start. */
  constructor(private readonly starts: (partition: number) => number) {
    super();
  }

  startOffset(partition: number): number {
    return this.starts(partition);
  }

  async take(frames: readonly DecidedFrame[]): Promise<void> {
    for (const frame of frames) {
      const { partition, offset, fates } = frame;
      this.#firstHere[partition] ??= offset;
      this.#decided[partition] = offset + 1;
      this.#counts.remember(frame);
      if (fates) this.#mixed.set(`${partition}:${offset}`, fates);
    }
    while (this.#mixed.size > FRAMES_KEPT) this.#forgetOldest();
    for (const wake of this.#waiting) wake();
  }

  async of(frame: Position, count: number, timeoutMs: number): Promise<(Fate | 'undecodable')[] | undefined> {
    if (!(await this.#decidedWithin(frame, timeoutMs))) return undefined;
    if (frame.offset < (this.#firstHere[frame.partition] ?? Number.POSITIVE_INFINITY)) return undefined;
    const mixed = this.#mixed.get(`${frame.partition}:${frame.offset}`);
    return mixed ? [...mixed] : new Array(count).fill('accepted');
  }

  async counts(frame: Position, timeoutMs: number): Promise<FateCounts | 'undecided' | 'unknown'> {
    if (!(await this.#decidedWithin(frame, timeoutMs))) return 'undecided';
    return this.#counts.find(frame) ?? 'unknown';
  }

  #forgetOldest(): void {
    const [oldest] = this.#mixed.keys();
    if (oldest === undefined) return;
    const [partition, offset] = oldest.split(':').map(Number) as [number, number];
    this.#mixed.delete(oldest);
    this.#firstHere[partition] = offset + 1;
  }

  async #decidedWithin({ partition, offset }: Position, timeoutMs: number): Promise<boolean> {
    const isDecided = () => (this.#decided[partition] ?? this.starts(partition)) > offset;
    if (isDecided()) return true;
    await new Promise<void>((resolve) => {
      const settle = () => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve();
      };
      const check = () => isDecided() && settle();
      const timer = setTimeout(settle, timeoutMs);
      this.#waiting.add(check);
    });
    return isDecided();
  }
}
