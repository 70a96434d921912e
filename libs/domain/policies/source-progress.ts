/**
 * How far each partition of the log has come in one partition of the regrouped log. Entries of a source arrive in the
 * order of their places; after a crash some arrive again, never with a gap before them. So one place per source tells a
 * repeat: whatever is at or below it was there before.
 */
import type { EventPosition } from '../log/position.js';

export interface SavedProgress {
  readonly source: number;
  /** Of the last entry; -1 before the first. */
  readonly offset: number;
  readonly index: number;
  readonly upTo: number;
}

type Place = Pick<EventPosition, 'offset' | 'index'>;

const BEFORE_ALL = { offset: -1, index: -1, upTo: -Infinity };

export class SourceProgress {
  readonly #bySource = new Map<number, { offset: number; index: number; upTo: number }>();

  constructor(saved: readonly SavedProgress[] = []) {
    for (const { source, ...progress } of saved) this.#bySource.set(source, progress);
  }

  /** Where the source stood before the record at hand: its entries up to there are repeats. */
  last(source: number): Place {
    const { offset, index } = this.#bySource.get(source) ?? BEFORE_ALL;
    return { offset, index };
  }

  /** `last`: place of the record's last entry, where it has one. */
  advance(source: number, upTo: number, last: Place | undefined): void {
    const before = this.#bySource.get(source) ?? BEFORE_ALL;
    const { offset, index } = last && isBehind(last, before) ? last : before;
    this.#bySource.set(source, { offset, index, upTo: Math.max(before.upTo, upTo) });
  }

  /** Acceptance up to which all of so many sources have come; -Infinity while one of them was not heard of. */
  completeTo(sources: number): number {
    let least = Infinity;
    for (let source = 0; source < sources; source++) {
      least = Math.min(least, this.#bySource.get(source)?.upTo ?? -Infinity);
    }
    return least;
  }

  get saved(): SavedProgress[] {
    return [...this.#bySource].map(([source, progress]) => ({ source, ...progress }));
  }
}

/** Whether `a` lies behind `b` in the log. */
export function isBehind(a: Place, b: Place): boolean {
  return a.offset > b.offset || (a.offset === b.offset && a.index > b.index);
}
