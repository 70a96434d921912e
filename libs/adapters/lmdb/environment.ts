import { mkdirSync } from 'node:fs';
import { open, type RootDatabase } from 'lmdb';
import { KeymeterError } from '#domain/errors.js';
import { ignoreRefusedCommits } from './refused-commits.js';

/** Grows when a stored record changes its meaning; a newer number than ours is refused, never guessed at. */
export const DATA_FORMAT = 1;
const FORMAT_KEY = 'format';

/**
 * Opens the environment of the main thread. Without overlapping syncs an awaited write is on disk, not only visible.
 * Throws FORMAT_TOO_NEW when a newer keymeter has written here, DATA_DIR_UNWRITABLE when it cannot be opened.
 */
export async function openEnvironment(directory: string): Promise<RootDatabase> {
  const environment = openAt(directory);
  const meta = environment.openDB<number, string>({ name: 'meta', encoding: 'json' });
  const format = meta.get(FORMAT_KEY);
  if (format !== undefined && format > DATA_FORMAT) {
    await environment.close();
    const message = `${directory} has data format ${format}, this version reads up to ${DATA_FORMAT}: use a newer keymeter.`;
    throw new KeymeterError('FORMAT_TOO_NEW', message);
  }
  if (format === undefined) await meta.put(FORMAT_KEY, DATA_FORMAT);
  return environment;
}

function openAt(directory: string): RootDatabase {
  ignoreRefusedCommits();
  try {
    mkdirSync(directory, { recursive: true });
    return open({ path: directory, maxDbs: 32, encoding: 'json', overlappingSync: false, noSubdir: false });
  } catch (cause) {
    throw new KeymeterError('DATA_DIR_UNWRITABLE', `Cannot open the key store in ${directory}.`, { cause });
  }
}
