/** When a message is attempted again: the schedule that the Standard Webhooks specification suggests, a little over three days. */
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Between one attempt and the next, ms. The first attempt is made at once; behind the last pause comes the last one. */
export const RETRY_PAUSES_MS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];
/** Endpoints that fail at the same moment are not all attempted again at the same moment. */
const JITTER = 0.1;
export const MAX_RETRY_AFTER_MS = 24 * HOUR;
const MAX_TEXT = 64;

/** Epoch ms; undefined when there is none. What the endpoint asks for counts where it is later, up to a day. */
export function nextAttempt(
  attempts: number,
  now: number,
  random: number,
  retryAfterMs: number | undefined,
): number | undefined {
  const pause = RETRY_PAUSES_MS[attempts - 1];
  if (pause === undefined) return undefined;
  const planned = pause * (1 - JITTER + 2 * JITTER * random);
  return now + Math.round(Math.max(planned, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)));
}

/** RFC 9110, 10.2.3: seconds, or a date. Undefined for anything else. */
export function parseRetryAfter(text: string | undefined, now: number): number | undefined {
  if (text === undefined || text.length > MAX_TEXT) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * SECOND;
  const date = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
