/** One app of the cluster under a supervisor: killed, paused and started at will, and started again when it ends by itself. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ServerHandle, serverScript } from '../support/server-script.js';
import type { FakedClock } from './faked-clock.js';

export interface ChildServer extends ServerHandle {
  readonly running: boolean;
  readonly ended: Promise<unknown>;
}

export type StartChild = (
  command: string,
  args: readonly string[],
  options: { dir: string; logName: string; stopMs: number; env: NodeJS.ProcessEnv },
) => ChildServer;

export async function startServerProcess(): Promise<StartChild> {
  const { ServerProcess } = await serverScript<{
    ServerProcess: new (...args: Parameters<StartChild>) => ServerHandle;
  }>('server-process.mjs');
  return ((...args) => new ServerProcess(...args)) as StartChild;
}

export interface AppOptions {
  readonly name: string;
  readonly script: string;
  readonly nodeArgs: readonly string[];
  readonly url: string;
  readonly env: Readonly<Record<string, string>>;
  readonly clock: FakedClock;
  readonly logFolder: string;
  readonly startChild: StartChild;
}

/** An end that nobody asked for, as a supervisor sees it. */
export interface OwnEnd {
  readonly name: string;
  readonly at: number;
  /** False when it could not start, because a server was away for instance. */
  readonly hadStarted: boolean;
  readonly lastLine: string;
}

const START_AGAIN_MS = 500;
const STOP_MS = 25_000;
const PROBE_MS = 3_000;

export class AppProcess {
  readonly ownEnds: OwnEnd[] = [];
  #child: ChildServer | undefined;
  #wanted = false;
  #hadStarted = false;

  constructor(private readonly options: AppOptions) {}

  get name(): string {
    return this.options.name;
  }

  get url(): string {
    return this.options.url;
  }

  get pid(): number | undefined {
    return this.#child?.running ? this.#child.pid : undefined;
  }

  /** Whether it is meant to run. */
  get wanted(): boolean {
    return this.#wanted;
  }

  /** Where what is loaded before the app looks for how long it has to block. */
  get blockFile(): string {
    return this.options.env['FAULTS_BLOCK_FILE'] as string;
  }

  get dataDir(): string {
    return this.options.env['KEYMETER_DATA_DIR'] as string;
  }

  get logFile(): string {
    return join(this.options.logFolder, `${this.name}.log`);
  }

  get logSize(): number {
    return existsSync(this.logFile) ? statSync(this.logFile).size : 0;
  }

  logSince(size: number): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile).subarray(size).toString('utf8') : '';
  }

  /** The wall clock as this process sees it. */
  get clock(): FakedClock {
    return this.options.clock;
  }

  start(): void {
    this.#wanted = true;
    this.#hadStarted = false;
    const { startChild, nodeArgs, script, env, clock, logFolder, name } = this.options;
    const child = startChild(process.execPath, ['--single-threaded-gc', ...nodeArgs, script], {
      dir: logFolder,
      logName: `${name}.log`,
      stopMs: STOP_MS,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...clock.env, ...env },
    });
    this.#child = child;
    void child.ended.then(() => this.#ended(child));
  }

  async kill9(): Promise<void> {
    this.#wanted = false;
    await this.#child?.kill9();
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    await this.#child?.stop();
  }

  signal(signal: NodeJS.Signals): void {
    const { pid } = this;
    if (pid !== undefined) process.kill(pid, signal);
  }

  pause(): void {
    this.#child?.pause();
  }

  resume(): void {
    this.#child?.resume();
  }

  /** As the kernel says: `T` is stopped, undefined is gone. */
  get state(): string | undefined {
    const { pid } = this;
    if (pid === undefined || !existsSync(`/proc/${pid}/stat`)) return undefined;
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '')[0];
  }

  /** Undefined when there is no complete answer. */
  async readiness(): Promise<{ status: number; text: string } | undefined> {
    try {
      const answer = await fetch(`${this.url}/health/ready`, { signal: AbortSignal.timeout(PROBE_MS) });
      const text = await answer.text();
      if (answer.status === 200) this.#hadStarted = true;
      return { status: answer.status, text };
    } catch {
      return undefined; // refused or late: not ready
    }
  }

  /** The date that its answers carry, by its own clock, epoch ms; undefined when there is no answer. */
  async date(): Promise<number | undefined> {
    try {
      const { headers } = await fetch(`${this.url}/health/live`, { signal: AbortSignal.timeout(PROBE_MS) });
      return Date.parse(headers.get('date') ?? '');
    } catch {
      return undefined;
    }
  }

  #ended(child: ChildServer): void {
    if (!this.#wanted || child !== this.#child) return;
    const lastLine = this.logSince(0).trimEnd().split('\n').at(-1) ?? '';
    this.ownEnds.push({ name: this.name, at: Date.now(), hadStarted: this.#hadStarted, lastLine });
    setTimeout(() => {
      if (this.#wanted && child === this.#child) this.start();
    }, START_AGAIN_MS);
  }
}
