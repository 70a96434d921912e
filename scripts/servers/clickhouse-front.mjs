/**
 * Starts the HTTP front over chDB (infra/clickhouse-front) that stands in for a ClickHouse server on one machine, in a
 * given folder on a given port of the loopback address. The front ends when its parent does. Node built-ins only.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from './server-process.mjs';

const START_MS = 60_000; // opening a large folder takes a while
const STOP_MS = 10_000;
const ENGINE_THREADS = 12; // a statement holds a thread of the pool until it is done

/**
 * Port 0 takes a free one. `control: true` also opens the switches of faults, at `control` of the result. The same
 * `dir` and `port` again = a restart on the same data.
 */
export async function startClickhouseFront({ dir, port, user = 'default', password = '', control = false }) {
  const args = [frontScript(), '--folder', join(dir, 'data'), '--port', String(port), '--user', user, '--follow-stdin'];
  const env = { ...process.env, CLICKHOUSE_PASSWORD: password, UV_THREADPOOL_SIZE: String(ENGINE_THREADS) };
  const front = new ClickhouseFront(control ? [...args, '--control', '0'] : args, dir, env);
  front.listensOn(await front.within(firstLine(front).then(JSON.parse)));
  return front;
}

class ClickhouseFront extends ServerProcess {
  constructor(args, dir, env) {
    super(process.execPath, args, { dir, logName: 'front.log', stopMs: STOP_MS, stdio: ['pipe', 'pipe', 'log'], env });
  }

  listensOn({ port, control }) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.control = control === undefined ? undefined : `http://127.0.0.1:${control}`;
  }
}

function firstLine({ child, ended }) {
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
