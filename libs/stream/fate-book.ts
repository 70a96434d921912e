/** Remembers the fates of the frames decided last, for senders who want to know. Bounded. */
import type { Fate } from '#domain/events/deduplication.js';
import type { Position } from '#domain/log/position.js';
import { EventFates } from '#ports/event-fates.js';
import type { DecidedFrame } from './decided-frame.js';
import type { FrameSink } from './event-pump.js';

type Fates = readonly (Fate | 'undecodable')[];

const FRAMES_KEPT = 2_000;

export class FateBook extends EventFates implements FrameSink {
  /** Frames where some event was not accepted, by `partition:offset`, oldest first. */
  readonly #mixed = new Map<string, Fates>();
  readonly #decided: number[] = [];
  readonly #firstHere: number[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(private readonly starts: (partition: number) => number) {
    super();
  }

  startOffset(partition: number): number {
    return this.starts(partition);
  }

  async take(frames: readonly DecidedFrame[]): Promise<void> {
    for (const { partition, offset, fates } of frames) {
      this.#firstHere[partition] ??= offset;
      this.#decided[partition] = offset + 1;
      if (fates) this.#mixed.set(`${partition}:${offset}`, fates);
    }
    while (this.#mixed.size > FRAMES_KEPT) this.#forgetOldest();
    for (const wake of this.#waiting) wake();
  }

  async of(frame: Position, count: number, timeoutMs: number): Promise<(Fate | 'undecodable')[] | undefined> {
    if (!(await this.#decidedWithin(frame, timeoutMs))) return undefined;
    if (frame.offset < (this.#firstHere[frame.partition] ?? 0)) return undefined;
    const mixed = this.#mixed.get(`${frame.partition}:${frame.offset}`);
    return mixed ? [...mixed] : new Array(count).fill('accepted');
  }

  #forgetOldest(): void {
    const [oldest] = this.#mixed.keys();
    if (oldest === undefined) return;
    const [partition, offset] = oldest.split(':').map(Number) as [number, number];
    this.#mixed.delete(oldest);
    this.#firstHere[partition] = offset + 1;
  }

  async #decidedWithin({ partition, offset }: Position, timeoutMs: number): Promise<boolean> {
    const isDecided = () => (this.#decided[partition] ?? 0) > offset;
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
