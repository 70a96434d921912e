/** How long to wait before another attempt: what the server asks for, else growing, always with jitter. */
const MAX_PAUSE_MS = 30_000;
const FIRST_PAUSE_MS = 250;

/** `attempt` counts from 1; `random` lies in [0, 1). */
export function retryPauseMs(attempt: number, retryAfter: string | null, random: number): number {
  const asked = Number(retryAfter) * 1000;
  const grown = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt - 1, 10));
  const base = Number.isFinite(asked) && asked > 0 ? Math.min(asked, MAX_PAUSE_MS) : grown / 2;
  return Math.round(base + (random * grown) / 2);
}

export function isTransient(status: number): boolean {
  return status === 429 || status >= 500;
}
