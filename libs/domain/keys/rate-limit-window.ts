/** Fixed windows aligned to multiples of their duration: `limit` units pass in `[start, start + duration)`. */
export interface WindowUse {
  start: number;
  used: number;
  readonly duration: number;
}

export interface WindowState {
  readonly exceeded: boolean;
  readonly remaining: number;
  /** End of the window, epoch ms. */
  readonly reset: number;
}

export function windowStart(now: number, duration: number): number {
  return now - (now % duration);
}

/** Moves to the window of `now`. A clock set back stays in the later window, so that no window is granted twice. */
export function enterWindow(use: WindowUse, now: number): void {
  const start = windowStart(now, use.duration);
  if (start <= use.start) return;
  use.start = start;
  use.used = 0;
}

export function fits(use: WindowUse, limit: number, cost: number): boolean {
  return use.used + cost <= limit;
}

/** A window with its id, as it is moved to another installation. */
export interface RunningWindow {
  readonly id: string;
  /** Epoch ms. */
  readonly start: number;
  readonly used: number;
  /** Ms. */
  readonly duration: number;
}
