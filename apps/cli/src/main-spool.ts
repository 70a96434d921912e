/** Brings what a dead node has left in its spool into Kafka, in its place. */
import { ClusterLog } from '#adapters/cluster/cluster-log.js';
import { SPOOL_FOLDER, SPOOL_PROGRESS_FILE, Spool } from '#adapters/cluster/spool.js';
import { type DataFolder, openDataFolder } from '#adapters/embedded/data-folder.js';
import type { KeymeterError } from '#domain/errors.js';
import { spoolOptions } from '#runtime/config/cluster-options.js';
import type { Settings } from '#runtime/config/settings.js';
import type { CliContext } from './command.js';

export { spoolState } from '#adapters/cluster/spool-state.js';

export interface Drained {
  /** False where it was interrupted; what is left waits as before. */
  readonly complete: boolean;
  /** Records of the spool that Kafka has now. */
  readonly frames: number;
}

const LOOK_EVERY_MS = 20;

/** Rejects with KeymeterError: DATA_DIR_IN_USE while the node runs, LOG_DAMAGED with file and byte. */
export async function drainSpool(
  path: string,
  settings: Settings,
  { clock, interrupt }: Pick<CliContext, 'clock' | 'interrupt'>,
  onAway: (error: KeymeterError) => void,
): Promise<Drained> {
  const folder = await openDataFolder(path);
  try {
    const log = await ClusterLog.open(settings, clock, SILENT);
    try {
      return await drainInto(log, folder, settings, { clock, interrupt }, onAway);
    } finally {
      await log.close();
    }
  } finally {
    folder.release();
  }
}

async function drainInto(
  log: ClusterLog,
  folder: DataFolder,
  settings: Settings,
  { clock, interrupt }: Pick<CliContext, 'clock' | 'interrupt'>,
  onAway: (error: KeymeterError) => void,
): Promise<Drained> {
  let onFailed: (error: unknown) => void = () => undefined;
  const failure = new Promise<never>((_, reject) => {
    onFailed = reject;
  });
  const spool = await Spool.open(log.writer, clock, {
    folder: folder.join(SPOOL_FOLDER),
    progressFile: folder.join(SPOOL_PROGRESS_FILE),
    ...spoolOptions(settings),
    onRetry: onAway,
    onFailed,
  });
  const drained = async () => {
    await spool.drainer.started;
    const before = spool.waiting.records;
    while (spool.waiting.records > 0 && !interrupt.aborted)
      await new Promise((done) => setTimeout(done, LOOK_EVERY_MS));
    const left = spool.waiting.records;
    return { complete: left === 0, frames: before - left };
  };
  try {
    return await Promise.race([drained(), failure]);
  } finally {
    await spool.close(0);
  }
}

/** What the client repeats by itself is told by `onAway`. */
const SILENT = { log: () => undefined, warn: () => undefined, error: () => undefined };
