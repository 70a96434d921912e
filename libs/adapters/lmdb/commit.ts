import type { RootDatabase } from 'lmdb';
import { KeymeterError } from '#domain/errors.js';

/**
 * Runs `action` as one transaction and resolves when it is on disk; reads made afterwards see it. `action` decides
 * before it writes: what it had written before an exception would be committed.
 */
export async function commit<T>(root: RootDatabase, action: () => T): Promise<T> {
  try {
    const result = await root.transaction(action);
    root.resetReadTxn(); // the next read sees this commit, not the snapshot of an earlier read
    return result;
  } catch (cause) {
    (cause as { commitError?: Promise<unknown> }).commitError?.catch(() => undefined); // told by this error already
    throw new KeymeterError('STORE_UNAVAILABLE', 'The store cannot be written.', { retryable: true, cause });
  }
}
