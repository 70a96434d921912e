/**
 * What a crash can leave in the newest segment: a record that was being written and never acknowledged. Such a torn
 * tail is cut. Damage with intact records behind it is something else and stops with file and byte.
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { KeymeterError } from '#domain/errors.js';
import { laterRecordAt, parseRecord } from './record-envelope.js';
import type { SegmentFile } from './segment-files.js';

export interface RecoveredSegment {
  readonly next: number;
  readonly bytes: number;
  readonly cutBytes: number;
}

export function recoverNewestSegment(segment: SegmentFile): RecoveredSegment {
  const buffer = readFileSync(segment.path);
  let at = 0;
  let next = segment.first;
  while (at < buffer.length) {
    const record = parseRecord(buffer, at, next);
    if (typeof record === 'string') {
      refuseDamageInTheMiddle(buffer, at, next, segment.path);
      cut(segment.path, at);
      return { next, bytes: at, cutBytes: buffer.length - at };
    }
    at += record.size;
    next++;
  }
  return { next, bytes: at, cutBytes: 0 };
}

function refuseDamageInTheMiddle(buffer: Buffer, at: number, offset: number, path: string): void {
  for (let later = at + 1; later < buffer.length; later++) {
    if (laterRecordAt(buffer, later, offset)) throw damaged(path, at, offset);
  }
}

export function damaged(path: string, at: number, offset: number): KeymeterError {
  return new KeymeterError(
    'LOG_DAMAGED',
    `The event log is damaged: ${path}, byte ${at}, record ${offset}. Intact records follow it, so nothing was cut; restore the file from a copy, or move it away to accept the loss.`,
  );
}

function cut(path: string, bytes: number): void {
  const fd = openSync(path, 'r+');
  ftruncateSync(fd, bytes);
  fsyncSync(fd);
  closeSync(fd);
}
