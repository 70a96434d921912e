import { statSync } from 'node:fs';
import type { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import type { Clock } from '#ports/clock.js';

/** Everyone who may still need to read the log says from where on. */
export type LogReaderFloor = () => number;

/** Drops segments that everyone has read and that are older than the retention. */
export function trimLog(
  log: SegmentLogWriter,
  floors: readonly LogReaderFloor[],
  clock: Clock,
  retentionMs: number,
): void {
  const needed = Math.min(...floors.map((floor) => floor()));
  const expiry = clock.now() - retentionMs;
  log.trim(0, needed, (path) => statSync(path).mtimeMs < expiry);
}
