/**
 * keys.verifyKey against a bare Nest + Fastify POST with the same body and answer, each in a process of its own:
 * CPU time per request of the server, which other load on the machine does not change much.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Kind, startServer } from './verify-server.js';

const CONNECTIONS = 128;
const SECONDS = 4;

export interface VerifyRouteResult {
  readonly name: string;
  readonly bareMicros: number;
  readonly verifyMicros: number;
  /** CPU of the bare POST divided by CPU of the verification. */
  readonly ratio: number;
  readonly barePerSecond: number;
  readonly verifyPerSecond: number;
}

interface Measured {
  readonly micros: number;
  readonly perSecond: number;
}

export async function run(): Promise<VerifyRouteResult> {
  const bare = await measure('bare');
  const verify = await measure('verify');
  return {
    name: 'verify: CPU per request against a bare POST',
    bareMicros: bare.micros,
    verifyMicros: verify.micros,
    ratio: bare.micros / verify.micros,
    barePerSecond: bare.perSecond,
    verifyPerSecond: verify.perSecond,
  };
}

interface Ready {
  readonly port: number;
  readonly request: string;
}

async function measure(kind: Kind): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'keymeter-bench-'));
  const server = fork(fileURLToPath(import.meta.url), [kind, folder]);
  try {
    const { port, request } = await answer<Ready>(server);
    await load(port, request, 1.5);
    const before = await cpuMicros(server);
    const requests = await load(port, request, SECONDS);
    const after = await cpuMicros(server);
    return { micros: (after - before) / requests, perSecond: requests / SECONDS };
  } finally {
    server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

function cpuMicros(server: ReturnType<typeof fork>): Promise<number> {
  server.send('cpu');
  return answer<number>(server);
}

function answer<T>(server: ReturnType<typeof fork>): Promise<T> {
  return new Promise((resolve, reject) => {
    server.once('message', (message) => resolve(message as T));
    server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
}

/** Closed-loop connections; an answer fits into one chunk. Returns the answered requests. */
async function load(port: number, request: string, seconds: number): Promise<number> {
  let answered = 0;
  const end = performance.now() + seconds * 1000;
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(request));
      socket.on('error', reject);
      socket.on('data', (chunk) => {
        if (!chunk.includes('HTTP/1.1 200')) return reject(new Error(chunk.toString()));
        answered++;
        if (performance.now() < end) socket.write(request);
        else socket.end(resolve);
      });
    });
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  return answered;
}

const [, script, kind, folder] = process.argv;
if (script === fileURLToPath(import.meta.url)) {
  if (kind && folder) await startServer(kind as Kind, folder);
  else process.stdout.write(`${JSON.stringify(await run(), null, 2)}\n`);
}
