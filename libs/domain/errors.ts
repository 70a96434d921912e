/**
 * Infrastructure failures. Expected outcomes (a refused key, a bad event) are values, never errors.
 * `retryable` decides what a worker does: true = back off and repeat; false = stop loudly.
 */
export const ERROR_CODES = [
  'LOG_FULL',
  'LOG_UNAVAILABLE',
  'LOG_DAMAGED',
  'DISK_FULL',
  'OFFSET_OUT_OF_RANGE',
  'OFFSET_BEHIND_DATA',
  'FENCED',
  'TOPIC_WRONG',
  'STORE_UNAVAILABLE',
  'STORE_CROWDED',
  'STORE_REFUSED',
  'ROWS_REFUSED',
  'EPOCH_LOST',
  'QUERY_TOO_LARGE',
  'FORMAT_TOO_NEW',
  'DATA_DIR_IN_USE',
  'DATA_DIR_UNWRITABLE',
  'CONFIG_INVALID',
  'PORT_TAKEN',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** The store could not be asked, or gave no answer: nothing is known of what was asked. */
export function isStoreAway(error: unknown): boolean {
  return error instanceof KeymeterError && error.code === 'STORE_UNAVAILABLE';
}

export class KeymeterError extends Error {
  readonly retryable: boolean;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: { retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'KeymeterError';
    this.retryable = options.retryable ?? false;
  }
}
