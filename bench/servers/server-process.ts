/** A server under measurement: started, waited for, stopped. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type NodeProcessOptions, spawnNode } from './pinned-process.js';

const ADDRESS = /http:\/\/127\.0\.0\.1:\d+/;
const READY_WITHIN_MS = 60_000;
const STOPPED_WITHIN_MS = 60_000;
const IDLE_WITHIN_MS = 60_000;
const IDLE_LOOK_MS = 300;
const IDLE_CPU_S = 0.03; // of a look

/** Files that are mapped, such as the engine's library, are resident but not anonymous. */
export interface ProcessMemory {
  readonly residentBytes: number;
  readonly anonymousBytes: number;
}

export interface ProcessorTime {
  readonly serving: number;
  readonly all: number;
}

export class ServerProcess {
  #output = '';

  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  static async start(script: string, options: NodeProcessOptions, readyPath: string): Promise<ServerProcess> {
    const child = spawnNode(script, options);
    const server = new ServerProcess(child, await addressOf(child));
    child.stdout?.on('data', (chunk) => {
      server.#output = (server.#output + chunk).slice(-20_000);
    });
    const deadline = performance.now() + READY_WITHIN_MS;
    while (!(await isUp(server.url + readyPath))) {
      if (performance.now() > deadline || child.exitCode !== null)
        throw new Error(`${script} is not ready: ${server.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return server;
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** Undefined where the system does not tell. */
  memory(): ProcessMemory | undefined {
    try {
      const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
      const bytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) * 1024;
      return { residentBytes: bytes('VmRSS'), anonymousBytes: bytes('RssAnon') };
    } catch {
      return undefined;
    }
  }

  /** Processor time so far, s: of the thread that serves HTTP, and of all threads. NaN where the system does not tell. */
  cpu(): ProcessorTime {
    return { serving: ticksOf(`/proc/${this.pid}/task/${this.pid}/stat`), all: allThreads(this.pid) };
  }

  /** Resolves when it does next to nothing any more: what it had put off is done. */
  async idle(): Promise<void> {
    const deadline = performance.now() + IDLE_WITHIN_MS;
    for (let last = Number.NEGATIVE_INFINITY, now = this.cpu().all; now - last > IDLE_CPU_S; now = this.cpu().all) {
      if (performance.now() > deadline) throw new Error(`the server at ${this.url} does not come to rest`);
      last = now;
      await new Promise((resolve) => setTimeout(resolve, IDLE_LOOK_MS));
    }
  }

  /** Throws when the server had died or does not end cleanly: then its figures are not to be trusted. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) throw this.#failure('had ended');
    const exited = new Promise<number | null>((resolve) => this.child.once('close', resolve));
    this.child.kill('SIGTERM');
    const deadline = setTimeout(() => this.child.kill('SIGKILL'), STOPPED_WITHIN_MS);
    const code = await exited;
    clearTimeout(deadline);
    if (code !== 0)
      throw this.#failure(`ended with ${code === null ? 'a signal' : `code ${code}`} when it was stopped`);
  }

  #failure(what: string): Error {
    return new Error(`the server at ${this.url} ${what}: ${this.#output}`);
  }
}

/** Processor time of a process so far, s; NaN where the system does not tell. */
export function allThreads(pid: number): number {
  return ticksOf(`/proc/${pid}/stat`);
}

const TICKS_PER_SECOND = 100; // USER_HZ, the same on every Linux

/** utime and stime, fields 14 and 15; the name before them may hold spaces (proc_pid_stat(5)). */
function ticksOf(file: string): number {
  try {
    const stat = readFileSync(file, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return Number.NaN;
  }
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const read = (chunk: Buffer) => {
      output += chunk;
      const address = ADDRESS.exec(output)?.[0];
      if (address === undefined) return;
      child.stdout?.off('data', read);
      resolve(address);
    };
    child.stdout?.on('data', read);
    child.once('close', (code) => reject(new Error(`a server ended with code ${code} before it listened: ${output}`)));
  });
}

async function isUp(url: string): Promise<boolean> {
  const answer = await fetch(url).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.status === 200;
}
