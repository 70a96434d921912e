/** From what the parts of a take came to, to what the port promises. */
import type { Charge, TakeOutcome, TakeRequest } from '#domain/keys/counter-charge.js';
import { fits, type WindowState } from '#domain/keys/rate-limit-window.js';
import type { PartTaken } from './redis-counters-calls.js';

/** `parts` in the order of CounterLayout.parts. */
export function joinParts(parts: readonly PartTaken[]): PartTaken {
  return {
    failed: parts.find(({ failed }) => failed !== undefined)?.failed,
    windows: parts.flatMap(({ windows }) => windows),
    credits: parts.find(({ credits }) => credits !== undefined)?.credits,
    change: 0,
  };
}

export function chargeOf({ windows, credits }: TakeRequest, taken: PartTaken): Charge | undefined {
  const charge: Charge = {};
  if (windows.length > 0) {
    charge.w = windows.map(({ id, duration, cost }, i) => [id, taken.windows[i]?.[0] ?? 0, duration, cost]);
  }
  if (credits && taken.credits && taken.credits.spent !== 0) {
    const { id, initial, since } = credits.account;
    const { spent, refilledAt, refilledTo } = taken.credits;
    charge.c = [id, spent, initial, refilledAt, refilledTo, since];
  }
  return charge.w || charge.c ? charge : undefined;
}

export function passedOutcome(request: TakeRequest, taken: PartTaken): TakeOutcome {
  const windows = states(request, taken).map((state) => ({ ...state, exceeded: false }));
  return { passed: true, windows, credits: taken.credits?.remaining, charge: chargeOf(request, taken) };
}

/** `failed` stands even where another call has made room meanwhile. */
export function refusedOutcome(request: TakeRequest, taken: PartTaken, failed: 'window' | 'credits'): TakeOutcome {
  return { passed: false, failed, windows: states(request, taken), credits: taken.credits?.remaining };
}

function states({ windows }: TakeRequest, taken: PartTaken): WindowState[] {
  return windows.map(({ limit, cost, duration }, i) => {
    const [start, used] = taken.windows[i] as readonly [number, number];
    const exceeded = !fits({ start, used, duration }, limit, cost);
    return { exceeded, remaining: Math.max(0, limit - used), reset: start + duration };
  });
}
