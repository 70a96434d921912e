/**
 * A redis-server of one's own: found on the machine, installed where that may be done, started in a given folder on a
 * given port of the loopback address. Node built-ins only.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { ServerProcess } from './server-process.mjs';

const MIN_MAJOR = 7;
const START_MS = 20_000; // loading a large append-only file takes a while
const STOP_MS = 10_000;
const INSTALL_TRIES = 3;
const RC_POLICY = '/usr/sbin/policy-rc.d';

/** Durable to the last second, as in production; RDB snapshots would only cost time here. */
export const DURABLE = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'];

export class RedisMissing extends Error {
  name = 'RedisMissing';
}

/** Resolves with the path of a redis-server of a good version. Throws RedisMissing with one sentence of what to do. */
export function ensureRedis(say = (line) => process.stderr.write(`${line}\n`)) {
  const found = findRedis();
  if (found) return found;
  if (!mayInstall()) {
    throw new RedisMissing(
      `keymeter's cluster mode needs redis-server ${MIN_MAJOR} or later on the PATH: install it, e.g. with "apt-get install redis-server" or "brew install redis".`,
    );
  }
  say('Installing redis-server (about 5 MB, once) …');
  return install();
}

function findRedis() {
  const { status, stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  if (status !== 0) return undefined;
  const version = /v=(\d+)[.\d]*/.exec(stdout);
  if (version && Number(version[1]) >= MIN_MAJOR) return 'redis-server';
  throw new RedisMissing(
    `The redis-server on the PATH is ${version?.[0].slice(2) ?? 'of an unknown version'}; keymeter needs ${MIN_MAJOR} or later: update it or put a newer one first on the PATH.`,
  );
}

function mayInstall() {
  return process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0;
}

/** Another process may be installing at the same moment: what counts is whether the server is there in the end. */
function install() {
  let output = '';
  for (let n = 0; n < INSTALL_TRIES; n++) {
    output = withoutServiceStart(() => {
      const update = apt('update', '-qq');
      return update + apt('install', '-y', '-qq', '-o', 'DPkg::Lock::Timeout=120', 'redis-server');
    });
    const found = findRedis();
    if (found) return found;
  }
  throw new RedisMissing(`redis-server could not be installed by apt-get; install it by hand. ${output.slice(-500)}`);
}

function apt(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { stdout, stderr, error } = spawnSync('apt-get', args, { encoding: 'utf8', env, timeout: 300_000 });
  return `${stdout ?? ''}${stderr ?? ''}${error ?? ''}`;
}

/** The package would start a service on port 6379; policy-rc.d is Debian's way to say no (invoke-rc.d(8)). */
function withoutServiceStart(action) {
  let ours = false;
  if (!existsSync(RC_POLICY)) {
    writeFileSync(RC_POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    ours = true;
  }
  try {
    return action();
  } finally {
    if (ours) rmSync(RC_POLICY, { force: true });
  }
}

/**
 * Starts a server and waits until it answers PING with PONG (a server that still loads its data does not).
 * The same `dir` and `port` again = a restart on the same data. `config`: text of a configuration file, which sentinels
 * need and rewrite; a restart without it finds the rewritten one.
 */
export async function startRedis({ dir, port, args = DURABLE, config }) {
  const binary = ensureRedis();
  mkdirSync(dir, { recursive: true });
  const fixed = ['--bind', '127.0.0.1', '--port', String(port), '--dir', dir, '--daemonize', 'no'];
  const file = join(dir, 'redis.conf');
  if (config !== undefined) writeFileSync(file, config);
  if (existsSync(file)) fixed.unshift(file);
  const server = new RedisServer(binary, [...fixed, '--maxmemory-policy', 'noeviction', ...args], dir, port);
  await server.within(server.answering(START_MS));
  return server;
}

class RedisServer extends ServerProcess {
  constructor(binary, args, dir, port) {
    super(binary, args, { dir, logName: 'redis.log', stopMs: STOP_MS });
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
  }

  async answering(withinMs) {
    const end = performance.now() + withinMs;
    let last = 'no answer';
    while (performance.now() < end) {
      if (!this.running) throw new Error(`redis-server on port ${this.port} ended at once`);
      last = await askRedis(this.port, 'PING').catch((error) => error.message);
      if (last.startsWith('+PONG') || last.startsWith('-NOAUTH')) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`redis-server on port ${this.port} does not answer: ${last}`);
  }
}

/** One command without quoting, answered by the first lines of the reply. */
export function askRedis(port, command, timeoutMs = 2_000) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer to ${command} in ${timeoutMs} ms`)));
    socket.once('connect', () => socket.write(`${command}\r\n`));
    socket.once('data', (reply) => {
      socket.destroy();
      resolve(reply.toString());
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed without an answer')));
  });
}
