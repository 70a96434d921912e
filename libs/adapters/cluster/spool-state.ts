/** What a node's folder holds that is not in the shared log yet, seen without changing anything. */
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { isFolderInUse } from '#adapters/embedded/data-folder.js';
import { type DamagedPlace, inspectLog } from '#adapters/segment-log/log-inspection.js';
import { SpoolProgressFile } from '#adapters/segment-log/spool-progress-file.js';
import { decodeFrame } from '#domain/log/frame.js';
import { SPOOL_FOLDER, SPOOL_PROGRESS_FILE } from './spool.js';

export interface SpoolState {
  readonly folder: string;
  /** Its node, or a drain, is running. */
  readonly inUse: boolean;
  /** Of its files, also of what was sent and not deleted yet. */
  readonly bytes: number;
  /** What waits; frames that cannot be read count as one event, as they will when they are dead letters. */
  readonly waiting: {
    readonly bytes: number;
    readonly frames: number;
    readonly events: number;
    /** Epoch ms. */
    readonly oldest?: number;
    readonly newest?: number;
  };
  readonly damaged: readonly DamagedPlace[];
}

const PARTITION = 0;

/** Undefined where the folder is that of no node with a spool. */
export async function spoolState(path: string): Promise<SpoolState | undefined> {
  const log = join(path, SPOOL_FOLDER);
  if (!existsSync(join(log, `p${PARTITION}`))) return undefined;
  const folder = realpathSync(path);
  const sent = await new SpoolProgressFile(join(folder, SPOOL_PROGRESS_FILE)).load();
  const waiting = {
    bytes: 0,
    frames: 0,
    events: 0,
    oldest: Number.POSITIVE_INFINITY,
    newest: Number.NEGATIVE_INFINITY,
  };
  const { bytes, damaged } = inspectLog(log, PARTITION, ({ offset, value, size }) => {
    if (offset < sent) return;
    const decoded = decodeFrame(value);
    waiting.bytes += size;
    waiting.frames++;
    waiting.events += decoded.ok ? decoded.frame.rows.length : 1;
    if (!decoded.ok) return;
    waiting.oldest = Math.min(waiting.oldest, decoded.frame.acceptedAt);
    waiting.newest = Math.max(waiting.newest, decoded.frame.acceptedAt);
  });
  const { oldest, newest, ...counts } = waiting;
  const times = Number.isFinite(oldest) ? { oldest, newest } : {};
  return { folder, inUse: await isFolderInUse(folder), bytes, waiting: { ...counts, ...times }, damaged };
}
