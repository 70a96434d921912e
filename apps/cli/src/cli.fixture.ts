/** Runs the command line inside the test: own home and working directory, no waiting, output as text. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { runCli } from './cli.js';
import type { CliContext, TextSource } from './command.js';
import { ROOT_KEY } from './event-server.fixture.js';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOverrides {
  readonly stdin?: Buffer | string;
  readonly env?: Record<string, string>;
  readonly interrupt?: AbortSignal;
  /** Standard error is a terminal. */
  readonly terminal?: boolean;
  /** Standard input is a terminal. */
  readonly keyboard?: boolean;
  readonly sleep?: (ms: number) => Promise<void>;
}

export class CliFixture {
  readonly clock = new ManualClock();
  /** Pauses that were asked for, in ms. */
  readonly pauses: number[] = [];

  private constructor(readonly directory: string) {}

  static async open(): Promise<CliFixture> {
    return new CliFixture(await mkdtemp(join(tmpdir(), 'keymeter-cli-')));
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  async file(name: string, content: Buffer | string): Promise<string> {
    await writeFile(this.path(name), content);
    return name;
  }

  async run(url: string, args: readonly string[], overrides: CliOverrides = {}): Promise<CliResult> {
    let stdout = '';
    let stderr = '';
    const context: CliContext = {
      stdin: stdinOf(overrides.stdin ?? '', overrides.keyboard),
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text), isTTY: overrides.terminal },
      env: { HOME: this.directory, KEYMETER_URL: url, KEYMETER_ROOT_KEY: ROOT_KEY, ...overrides.env },
      cwd: this.directory,
      fetch,
      clock: this.clock,
      interrupt: overrides.interrupt ?? new AbortController().signal,
      sleep: async (ms) => {
        this.pauses.push(ms);
        this.clock.advance(ms);
        await overrides.sleep?.(ms);
      },
      random: () => 0.5,
    };
    const code = await runCli(args, context);
    return { code, stdout, stderr };
  }

  close(): Promise<void> {
    return rm(this.directory, { recursive: true, force: true });
  }
}

function stdinOf(content: Buffer | string, isTTY = false): TextSource {
  return {
    isTTY,
    async *[Symbol.asyncIterator]() {
      yield Buffer.from(content as string);
    },
  };
}
