/**
 * Starts the HTTP front over chDB (infra/clickhouse-front) that stands in for a ClickHouse server on one machine, in a
 * given folder on a given port of the loopback address. The front ends when its parent does. Node built-ins only.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const START_MS = 60_000; // opening a large folder takes a while
const STOP_MS = 10_000;
const ENGINE_THREADS = 12; // a statement holds a thread of the pool until it is done

/**
 * Port 0 takes a free one. `control: true` also opens the switches of faults, at `control` of the result. The same
 * `dir` and `port` again = a restart on the same data.
 */
export async function startClickhouseFront({ dir, port, user = 'default', password = '', control = false }) {
  mkdirSync(dir, { recursive: true });
  const log = join(dir, 'front.log');
  const err = openSync(log, 'a');
  const args = [frontScript(), '--folder', join(dir, 'data'), '--port', String(port), '--user', user, '--follow-stdin'];
  const child = spawn(process.execPath, control ? [...args, '--control', '0'] : args, {
    stdio: ['pipe', 'pipe', err],
    env: { ...process.env, CLICKHOUSE_PASSWORD: password, UV_THREADPOOL_SIZE: String(ENGINE_THREADS) },
  });
  closeSync(err);
  const ended = new Promise((resolve) => {
    child.once('error', resolve);
    child.once('exit', resolve);
  });
  try {
    const ports = await firstLine(child, ended);
    return new ClickhouseFront(child, ended, JSON.parse(ports));
  } catch (error) {
    child.kill('SIGKILL');
    await ended;
    throw new Error(`${error.message}; its log ends: ${readFileSync(log, 'utf8').slice(-600)}`);
  }
}

class ClickhouseFront {
  #child;
  #ended;

  constructor(child, ended, { port, control }) {
    this.#child = child;
    this.#ended = ended;
    this.pid = child.pid;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.control = control === undefined ? undefined : `http://127.0.0.1:${control}`;
  }

  async stop() {
    this.#child.kill('SIGCONT');
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  async kill9() {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  pause() {
    this.#child.kill('SIGSTOP');
  }

  resume() {
    this.#child.kill('SIGCONT');
  }
}

function firstLine(child, ended) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the front is not up after ${START_MS} ms`)), START_MS);
    ended.then((reason) => reject(new Error(`the front ended at once (${reason})`))).finally(() => clearTimeout(timer));
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
      if (!text.includes('\n')) return;
      clearTimeout(timer);
      resolve(text);
    });
  });
}

/** Beside the sources, whether this file is read there or from a copy of the scripts. */
function frontScript() {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const script = join(folder, 'infra/clickhouse-front/main.mjs');
    if (existsSync(script)) return script;
    if (folder === dirname(folder)) throw new Error('infra/clickhouse-front is missing from this copy of keymeter');
  }
}
