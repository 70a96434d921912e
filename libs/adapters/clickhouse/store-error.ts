/** What ClickHouse answers, as errors of ours: may it pass, and what is to be done. Both clients share the codes. */
import { KeymeterError } from '#domain/errors.js';

/**
 * Codes that mean "not now": memory, disk, too many parts, timeouts, read-only tables, replicas away, shutting down.
 * Source: ClickHouse src/Common/ErrorCodes.cpp.
 */
const RETRYABLE_CODES = new Set([
  159, 160, 164, 202, 203, 209, 210, 225, 236, 241, 242, 243, 252, 254, 279, 285, 286, 289, 319, 374, 394, 425, 439,
  473, 623, 999,
]);

/** Some errors come from another realm (a worker's, a test runner's), where `instanceof Error` is false. */
export function errorFields(cause: unknown): { message: string; code?: string } {
  if (typeof cause !== 'object' || cause === null) return { message: String(cause) };
  const { message, code } = cause as { message?: unknown; code?: unknown };
  return { message: String(message ?? ''), code: code === undefined ? undefined : String(code) };
}

/** The code of an error of the engine, whichever client raised it. */
export function engineCode(cause: unknown): number | undefined {
  const { message, code } = errorFields(cause);
  const given = code && /^\d+$/.test(code) ? code : /Code: (\d+)\./.exec(message)?.[1];
  return given === undefined ? undefined : Number(given);
}

/** The engine has so many parts that it takes no more: fewer, larger inserts are the cure. */
const TOO_MANY_PARTS = 252;

/** Codes about the text of inserted rows. Source: ClickHouse src/Common/ErrorCodes.cpp. */
const ROW_CODES = new Set([6, 25, 26, 27, 38, 41, 69, 72, 117, 306]);

export function storeError(cause: unknown): KeymeterError {
  const code = engineCode(cause);
  const text = errorFields(cause).message;
  const retryable = RETRYABLE_CODES.has(code ?? 0) || /No space left|NOT_ENOUGH_SPACE/i.test(text);
  if (code === TOO_MANY_PARTS) {
    const sentence = 'The usage store has too many parts to take another insert at once.';
    return new KeymeterError('STORE_CROWDED', sentence, { retryable, cause });
  }
  if (ROW_CODES.has(code ?? 0)) {
    return new KeymeterError('ROWS_REFUSED', `The usage store cannot read rows (code ${code}).`, { cause });
  }
  return new KeymeterError(
    retryable ? 'STORE_UNAVAILABLE' : 'STORE_REFUSED',
    `The usage store refused a statement (${code === undefined ? 'no code' : `code ${code}`}).`,
    { retryable, cause },
  );
}
