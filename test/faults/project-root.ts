import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the sources, also when this file was loaded from the build in dist/. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'scripts/cluster.mjs'))) {
    if (folder === dirname(folder)) throw new Error('scripts/cluster.mjs is missing');
    folder = dirname(folder);
  }
  return folder;
}
