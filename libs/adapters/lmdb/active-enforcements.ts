/** The enforcements that hold a target now, in memory: what every verification asks. */
import { type Enforcement, isActive, type Per } from '#domain/policies/enforcement.js';

const NONE: readonly Enforcement[] = [];
const FIRST_SWEEP = 1_000;

export class ActiveEnforcements {
  readonly #byPer = new Map<Per, Map<string, readonly Enforcement[]>>();
  #targets = 0;
  #sweepAt = FIRST_SWEEP;

  get targets(): number {
    return this.#targets;
  }

  at(per: Per, value: string, now: number): readonly Enforcement[] {
    const held = this.#byPer.get(per)?.get(value);
    if (held === undefined) return NONE;
    for (const enforcement of held) {
      if (!isActive(enforcement, now)) return held.filter((it) => isActive(it, now));
    }
    return held;
  }

  /** Brings the index in line with an enforcement as it is stored. */
  refresh(enforcement: Enforcement, now: number): void {
    const { per, value } = enforcement.target;
    const others = this.at(per, value, now).filter(({ id }) => id !== enforcement.id);
    this.#set(per, value, isActive(enforcement, now) ? [...others, enforcement] : others);
    if (this.#targets > this.#sweepAt) this.#sweep(now);
  }

  #set(per: Per, value: string, held: readonly Enforcement[]): void {
    let values = this.#byPer.get(per);
    if (values === undefined) {
      values = new Map();
      this.#byPer.set(per, values);
    }
    const known = values.has(value);
    if (held.length > 0) values.set(value, held);
    else values.delete(value);
    this.#targets += (held.length > 0 ? 1 : 0) - (known ? 1 : 0);
  }

  /** Over when its cost is spread over as many new targets as it looks at. */
  #sweep(now: number): void {
    for (const [per, values] of this.#byPer) {
      for (const value of [...values.keys()]) this.#set(per, value, this.at(per, value, now));
    }
    this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.#targets);
  }
}
