/**
 * Reads charts, compose files and Dockerfiles with the code of Helm, docker compose and BuildKit, without any of them
 * installed: infra/manifest-reader, compiled once by Go. Node built-ins only.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCES = 'infra/manifest-reader';
/** Where Go's own installation puts it, on the PATH or not. */
const GO = ['go', '/usr/local/go/bin/go'];
const BUILD_MS = 1_800_000; // about a minute on two free cores; a busy machine takes many times that
const LONGEST_ANSWER = 64 * 1024 * 1024;

export class ManifestReaderMissing extends Error {
  name = 'ManifestReaderMissing';
}

/** Returns the program. Throws ManifestReaderMissing with one sentence of what to do. */
export function ensureManifestReader(say = (line) => process.stderr.write(`${line}\n`)) {
  const root = projectRoot();
  const cache = join(root, '.keymeter-servers');
  const program = join(cache, `manifest-reader-${fingerprint(join(root, SOURCES))}`);
  if (existsSync(program)) return program;
  const go = GO.find((command) => spawnSync(command, ['version']).status === 0);
  if (go === undefined) {
    throw new ManifestReaderMissing(
      'The Helm chart, docker-compose.yml and the Dockerfile are read by a program in Go, and there is no go on the PATH: install it from https://go.dev/dl.',
    );
  }
  mkdirSync(cache, { recursive: true });
  const part = mkdtempSync(join(cache, 'compiling-')); // renamed when complete: two processes may compile at once
  say('Compiling the reader of charts and compose files (once) …');
  const started = performance.now();
  try {
    compile(go, join(root, SOURCES), join(part, 'program'));
    renameSync(join(part, 'program'), program);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  say(`It is there after ${Math.round((performance.now() - started) / 1000)} s.`);
  return program;
}

/** One answer per request, in order: `{ read }`, or `{ error }` where the file was refused. */
export function readManifests(requests) {
  const input = requests.map((request) => JSON.stringify(request)).join('\n');
  const options = { input, cwd: projectRoot(), encoding: 'utf8', maxBuffer: LONGEST_ANSWER };
  const { status, stdout, stderr, error } = spawnSync(ensureManifestReader(), [], options);
  if (status !== 0) throw new Error(`the reader of manifests failed: ${error?.message ?? stderr}`);
  return stdout.trim().split('\n').map(JSON.parse);
}

function compile(go, sources, program) {
  const args = ['build', '-buildvcs=false', '-trimpath', '-ldflags=-s -w', '-o', program, '.'];
  const { status, stderr, error } = spawnSync(go, args, { cwd: sources, encoding: 'utf8', timeout: BUILD_MS });
  if (status === 0) return;
  throw new ManifestReaderMissing(
    `Go could not compile ${SOURCES}: ${error?.message ?? stderr.trim().slice(-500)}; its version is in go.mod.`,
  );
}

/** Another source is another program. */
function fingerprint(folder) {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest('hex').slice(0, 12);
}

/** The sources' root, also when this file was loaded from a build in dist/. */
function projectRoot() {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, SOURCES, 'go.mod'))) return folder;
    if (folder === dirname(folder)) throw new ManifestReaderMissing(`${SOURCES} is not part of this installation.`);
  }
}
