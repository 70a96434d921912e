/** The built standalone process, started and killed like a customer's: by its environment, its output and signals. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NPM_START } from './npm-start.js';

export const ROOT_KEY = 'root-key-of-the-tests-0123456789';

const PROGRAMS = fileURLToPath(new URL('../../dist/run/', import.meta.url));
const ADDRESS = /http:\/\/127\.0\.0\.1:(\d+)/;
const READY_POLL_MS = 20;

export interface StandaloneOptions {
  readonly dataDir: string;
  /** Which app; standalone unless said otherwise. */
  readonly app?: 'standalone' | 'ingress' | 'consumer' | 'policy' | 'query';
  readonly env?: Readonly<Record<string, string>>;
  /** Runs on this processor only. */
  readonly cpu?: number;
  /** Longest wait for readiness, ms. */
  readonly timeoutMs?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const living = new Set<ChildProcess>();

export class Standalone {
  readonly exited: Promise<Exit>;
  readonly rootKey: string;
  readonly startedAt = performance.now();
  #exit: Exit | undefined;
  #output = '';

  constructor(
    private readonly child: ChildProcess,
    rootKey: string | undefined,
  ) {
    this.rootKey = rootKey ?? ROOT_KEY;
    living.add(child);
    const keep = (chunk: Buffer) => {
      this.#output += chunk.toString();
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        living.delete(child);
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('the process was not started');
    return this.child.pid;
  }

  /** Standard output and error together, as far as read. */
  get logs(): string {
    return this.#output;
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /** Undefined until the address has been printed. */
  get address(): string | undefined {
    return ADDRESS.exec(this.#output)?.[0];
  }

  get url(): string {
    const { address } = this;
    if (address === undefined) throw new Error(`no address printed yet:\n${this.#output}`);
    return address;
  }

  /** To a process that was started with a channel for messages. */
  say(message: object): void {
    this.child.send(message);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Sends the signal and waits for the end. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    this.kill(signal);
    return this.exited;
  }

  /** Resolves with the milliseconds since the start; throws with the output if the process ends or takes too long. */
  async ready(timeoutMs = 60_000): Promise<number> {
    const deadline = this.startedAt + timeoutMs;
    while (!(await this.isReady())) {
      if (!this.running)
        throw new Error(`it ended before it was ready: ${JSON.stringify(this.#exit)}\n${this.#output}`);
      if (performance.now() > deadline) throw new Error(`not ready after ${timeoutMs} ms:\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
    return performance.now() - this.startedAt;
  }

  async isReady(): Promise<boolean> {
    const { address } = this;
    if (address === undefined) return false;
    const answer = await fetch(`${address}/health/ready`).catch(() => undefined);
    await answer?.arrayBuffer().catch(() => undefined);
    return answer?.status === 200;
  }
}

/** Starts the process and waits for nothing. Settings of the caller's own environment do not reach it. */
export function launchStandalone({ dataDir, app = 'standalone', env = {}, cpu }: StandaloneOptions): Standalone {
  const main = `${PROGRAMS}${app}.js`;
  if (!existsSync(main)) throw new Error(`${main} is missing: run npm run build`);
  const settings: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    ...NPM_START.env,
    KEYMETER_PORT: '0',
    KEYMETER_DATA_DIR: dataDir,
    KEYMETER_ROOT_KEY: ROOT_KEY,
    ...env,
  };
  const pin = cpu === undefined ? [] : ['taskset', '-c', String(cpu)];
  const [file = process.execPath, ...args] = [...pin, process.execPath, ...NPM_START.flags, main];
  const child = spawn(file, args, { env: settings, stdio: ['ignore', 'pipe', 'pipe'] });
  return new Standalone(child, settings.KEYMETER_ROOT_KEY);
}

/** Starts the process and waits until it is ready. */
export async function startStandalone(options: StandaloneOptions): Promise<Standalone> {
  const standalone = launchStandalone(options);
  await standalone.ready(options.timeoutMs);
  return standalone;
}

function killLeftovers(): void {
  for (const child of living) child.kill('SIGKILL');
}

process.once('exit', killLeftovers);
afterAll(killLeftovers);
