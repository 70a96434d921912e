/**
 * Brings a fresh clone to where its code can run: dependencies installed, sources compiled. Node built-ins only.
 * Each step is skipped when what it would make is there and newer than what it is made from.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const NEEDED = [20, 19];

export function prepare() {
  refuseOldNode();
  install();
  build();
}

function refuseOldNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return;
  fail(
    `keymeter needs Node.js ${NEEDED.join('.')} or later; this is ${process.versions.node}. Install a newer one from https://nodejs.org.`,
  );
}

function install() {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const stamp = join(root, 'node_modules', '.keymeter-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  say('Installing dependencies (about 850 MB, once) …');
  run(
    'npm',
    ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--progress=true', '--ignore-scripts'],
    'The dependencies could not be installed; is the npm registry reachable?',
  );
  writeFileSync(stamp, lock);
}

function build() {
  const stamp = join(root, 'dist', '.built');
  const newest = Math.max(
    ...['apps', 'libs', 'bench', 'test'].map((folder) => newestIn(join(root, folder))),
    mtime(join(root, 'tsconfig.json')),
    mtime(join(root, 'scripts/bundle.mjs')),
  );
  if (existsSync(stamp) && statSync(stamp).mtimeMs > newest) return;
  say('Compiling …');
  run(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
    'The sources do not compile.',
  );
  run(process.execPath, [join(root, 'scripts/bundle.mjs')], 'The programs could not be made from what was compiled.');
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stamp, '');
}

function newestIn(folder) {
  if (!existsSync(folder)) return 0;
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && entry.name.endsWith('.ts'))
      newest = Math.max(newest, mtime(join(entry.parentPath ?? entry.path, entry.name)));
  }
  return newest;
}

function mtime(path) {
  return statSync(path).mtimeMs;
}

function run(command, args, failure) {
  const started = Date.now();
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) fail(failure);
  say(`  done in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(2);
}
