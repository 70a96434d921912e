/** Names and discovery of segment files: `<folder>/p<partition>/<first offset, 16 digits>.seg`. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KeymeterError } from '#domain/errors.js';

const FORMAT = 1;

export interface LogIdentity {
  readonly format: number;
  /** Tells this log from one made anew in the same folder; part of every deduplication token. */
  readonly logId: string;
  readonly partitions: number;
}

export interface SegmentFile {
  readonly first: number;
  readonly path: string;
  readonly bytes: number;
}

/** Reads the log's identity, making the folder and a new identity where there is none. */
export function openLogIdentity(folder: string, partitions: number): LogIdentity {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'log.json');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    const logId = createHash('sha256').update(randomBytes(16)).digest('hex').slice(0, 16);
    text = JSON.stringify({ format: FORMAT, logId, partitions });
    writeFileSync(path, text, { flush: true });
  }
  const identity = JSON.parse(text) as LogIdentity;
  if (identity.format > FORMAT) {
    throw new KeymeterError(
      'FORMAT_TOO_NEW',
      `The event log in ${folder} has format ${identity.format}; this version reads up to ${FORMAT}.`,
    );
  }
  for (let p = 0; p < identity.partitions; p++) mkdirSync(partitionFolder(folder, p), { recursive: true });
  return identity;
}

export function partitionFolder(folder: string, partition: number): string {
  return join(folder, `p${partition}`);
}

export function segmentPath(folder: string, partition: number, first: number): string {
  return join(partitionFolder(folder, partition), `${String(first).padStart(16, '0')}.seg`);
}

/** The partition's segments, oldest first. */
export function listSegments(folder: string, partition: number): SegmentFile[] {
  const directory = partitionFolder(folder, partition);
  return readdirSync(directory)
    .filter((name) => /^\d{16}\.seg$/.test(name))
    .sort()
    .map((name) => {
      const path = join(directory, name);
      return { first: Number(name.slice(0, 16)), path, bytes: statSync(path).size };
    });
}
