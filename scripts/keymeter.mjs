#!/usr/bin/env node
/** `npx keymeter ...` in a clone: runs the built command line. */
import { existsSync } from 'node:fs';

const main = new URL('../dist/run/cli.js', import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write('keymeter: not built yet; run npm start or npm run build first\n');
  process.exitCode = 1;
}
