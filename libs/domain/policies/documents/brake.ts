/**
 * The brake of one policy: it may act on so many subjects, or on such a share of those it knows, within a period of event
 * time. One more, and the policy pauses itself until somebody changes or resumes it.
 */
import type { StateReader, StateWriter } from '../measures/state-bytes.js';

const NOT_PAUSED = Number.NaN;

export interface BrakeOptions {
  readonly subjects: number;
  /** 0 to 1, of the subjects that the policy keeps a state of. */
  readonly share: number;
  readonly withinMs: number;
}

export class Brake {
  /** Event time at which the policy paused itself. */
  pausedAt: number | undefined;
  /** By subject, when it was last acted on. */
  readonly #hits = new Map<string, number>();

  constructor(private readonly options: BrakeOptions) {}

  /** True where the subject may be acted on; else the policy is paused now, or was before. */
  admits(subject: string, known: number, time: number): boolean {
    if (this.pausedAt !== undefined) return false;
    const { subjects, share, withinMs } = this.options;
    for (const [name, at] of this.#hits) {
      if (at > time - withinMs) break; // they come in the order of their times
      this.#hits.delete(name);
    }
    if (this.#hits.size >= Math.max(subjects, Math.floor(share * known)) && !this.#hits.has(subject)) {
      this.pausedAt = time;
      return false;
    }
    this.#hits.delete(subject);
    this.#hits.set(subject, time);
    return true;
  }

  release(): void {
    this.pausedAt = undefined;
    this.#hits.clear();
  }

  write(out: StateWriter): void {
    out.double(this.pausedAt ?? NOT_PAUSED);
    out.count(this.#hits.size);
    for (const [subject, time] of this.#hits) {
      out.text(subject);
      out.double(time);
    }
  }

  read(from: StateReader): void {
    const pausedAt = from.double();
    this.pausedAt = Number.isNaN(pausedAt) ? undefined : pausedAt;
    this.#hits.clear();
    for (let left = from.count(); left > 0; left--) this.#hits.set(from.text(), from.double());
  }
}
