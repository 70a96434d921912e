import { statSync } from 'node:fs';
import type { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';

/** Drops segments that nobody needs any more (offsets below `neededFrom`) and that were last written before `expiry`. */
export function trimLog(log: SegmentLogWriter, neededFrom: number, expiry: number): void {
  log.trim(0, neededFrom, (path) => statSync(path).mtimeMs < expiry);
}
