import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A fresh folder under the system's temporary one; removed after the tests of the calling file. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `keymeter-${name}-`));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
