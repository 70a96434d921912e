import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { temporaryFolder } from '../support/temp-folder.js';

const folder = join(temporaryFolder('lmdb-full'), 'small');

/** Fills a 3 MB disk through the built adapters, frees it, and goes on; prints what happened. */
const SCRIPT = `
  const { openEnvironment } = await import(process.argv[1] + '/environment.js');
  const { commit } = await import(process.argv[1] + '/commit.js');
  const { rmSync, writeFileSync } = await import('node:fs');
  writeFileSync(process.argv[2] + '/ballast', Buffer.alloc(1500000));
  const root = await openEnvironment(process.argv[2] + '/keys');
  const values = root.openDB({ name: 'values', encoding: 'json' });
  const kept = [];
  let refused = 0;
  for (let i = 0; refused < 3; i++) {
    await commit(root, () => values.put(i, 'x'.repeat(50000))).then(() => kept.push(i), (error) => {
      if (error.code !== 'STORE_UNAVAILABLE' || !error.retryable) throw error;
      refused++;
    });
  }
  rmSync(process.argv[2] + '/ballast');
  await new Promise((resolve) => setTimeout(resolve, 50));
  await commit(root, () => values.put(1000, 'after'));
  const all = kept.every((i) => values.get(i)?.length === 50000);
  process.stdout.write(JSON.stringify({ kept: kept.length > 0, all, after: values.get(1000) }));
  process.exit(0);
`;

function canMount(): boolean {
  mkdirSync(folder, { recursive: true });
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder]).status === 0;
}

test('a write that a full disk refuses is an error for its caller, loses nothing acknowledged, and ends nothing', () => {
  if (!canMount()) {
    if (process.env.CI) throw new Error('a small disk cannot be mounted here; this test needs it');
    process.stderr.write('NOT RUN: mounting a small disk is not permitted here\n');
    return;
  }
  try {
    const adapters = pathToFileURL(join(process.cwd(), 'dist/libs/adapters/lmdb')).href;
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', SCRIPT, adapters, folder], {
      cwd: process.cwd(),
    });
    expect(JSON.parse(printed.toString())).toEqual({ kept: true, all: true, after: 'after' });
  } finally {
    spawnSync('umount', [folder]);
  }
});
