import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Longer than the servers of a test take to end. */
const STOP_WITHIN_MS = 120_000;

/**
 * A fresh folder under the system's temporary one; removed after the tests of the calling file, once `stop` has ended
 * what writes there: hooks of a file run in the order in which they stand.
 */
export function temporaryFolder(name: string, stop?: () => unknown): string {
  const folder = mkdtempSync(join(tmpdir(), `keymeter-${name}-`));
  afterAll(async () => {
    await stop?.();
    rmSync(folder, { recursive: true, force: true });
  }, STOP_WITHIN_MS);
  return folder;
}
