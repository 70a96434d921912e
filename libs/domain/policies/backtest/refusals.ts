/**
 * Requests that a policy would have refused: events of a held target behind the decision in the log, with a time within
 * the hold. A suspended or revoked target is refused everything. A throttled one is let its limit through in each fixed
 * window, aligned to multiples of its duration as at a verification; the rest is refused. What a verification had refused
 * already for another reason is no request that is lost.
 */
import { dimensionOf } from '../../events/event-dimension.js';
import type { PlacedEvent } from '../../events/usage-event.js';
import { enterWindow, fits, type WindowUse } from '../../keys/rate-limit-window.js';
import { formatPlace } from '../../log/position.js';
import type { Enforcement } from '../enforcement.js';
import { targetReader } from '../field-reader.js';
import type { Lift } from '../policy-change.js';

interface Hold {
  readonly subject: string;
  /** Place of the event that caused it, by which a lift finds it. */
  readonly cause: string;
  readonly begin: number;
  readonly until: number;
  readonly limit: number;
  readonly use: WindowUse | undefined;
}

/** Outcomes of requests that were served; an event without one was. */
const SERVED: ReadonlySet<string> = new Set(['', 'VALID', 'LOGGED']);

export class Refusals {
  readonly #holds = new Map<string, Hold[]>();
  readonly #target: (event: PlacedEvent) => string;

  /** `groupBy`: the field whose value is acted on. */
  constructor(groupBy: string) {
    this.#target = targetReader(groupBy);
  }

  hold(subject: string, { action, target, begin, until, mode, cause }: Enforcement): void {
    if (mode !== 'on' || action.type === 'warn') return;
    const isThrottle = action.type === 'throttle';
    const hold: Hold = {
      subject,
      cause: formatPlace(cause),
      begin,
      until: until ?? Number.POSITIVE_INFINITY,
      limit: isThrottle ? action.limit : 0,
      use: isThrottle ? { start: Number.NEGATIVE_INFINITY, used: 0, duration: action.windowMs } : undefined,
    };
    const others = (this.#holds.get(target.value) ?? []).filter((it) => it.until > begin);
    this.#holds.set(target.value, [...others, hold]);
  }

  lift({ target: { value }, cause }: Lift): void {
    const others = this.#holds.get(value)?.filter((it) => it.cause !== formatPlace(cause));
    if (others === undefined || others.length === 0) this.#holds.delete(value);
    else this.#holds.set(value, others);
  }

  /** The subject whose hold refuses the event; undefined where it is let through. */
  refusedBy(event: PlacedEvent): string | undefined {
    if (this.#holds.size === 0) return undefined;
    const holds = this.#holds.get(this.#target(event));
    if (holds === undefined || !SERVED.has(dimensionOf(event, 'outcome'))) return undefined;
    let refusedBy: string | undefined;
    for (const { subject, begin, until, limit, use } of holds) {
      if (event.time < begin || event.time >= until) continue;
      if (use === undefined) return subject;
      enterWindow(use, event.time);
      if (fits(use, limit, 1)) use.used++;
      else refusedBy ??= subject;
    }
    return refusedBy;
  }
}
