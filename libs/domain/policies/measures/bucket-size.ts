/**
 * A sliding window in whole buckets: of whole seconds, as many as fit into the window, and not more than `most`. Its
 * value is exact for these buckets; the window is never longer than asked for, and shorter by less than two buckets.
 */
const SECOND_MS = 1_000;

export interface Buckets {
  readonly bucketMs: number;
  readonly buckets: number;
}

export function bucketsOf(windowMs: number, most: number): Buckets {
  const bucketMs = Math.ceil(windowMs / most / SECOND_MS) * SECOND_MS;
  return { bucketMs, buckets: Math.max(1, Math.floor(windowMs / bucketMs)) };
}
