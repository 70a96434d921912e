/** The shape of every command, and the world it may touch: tests hand in their own. */
import type { Clock } from '#ports/clock.js';
import type { ExitCode } from './exit-code.js';

export interface TextSink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface TextSource extends AsyncIterable<Uint8Array | string> {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

export interface CliContext {
  readonly stdin: TextSource;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  /** Aborted by the first interrupt: finish what is under way, then say how far it came. */
  readonly interrupt: AbortSignal;
  /** Resolves after `ms`, at once when interrupted. */
  sleep(ms: number): Promise<void>;
  /** In [0, 1), for jitter. */
  random(): number;
}

export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  /** Name of the value in the help text. */
  readonly value?: string;
  readonly summary: string;
}

export type OptionValues = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

export interface Invocation {
  readonly context: CliContext;
  readonly options: OptionReader;
  readonly args: readonly string[];
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Forms without the program's name, `keys show KEYID`. */
  readonly usage: readonly string[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Text below the options: what the reader has to know before using it. */
  readonly notes?: string;
  run(invocation: Invocation): Promise<ExitCode>;
}

/** Typed reading of what parseArgs has checked against the command's options. */
export class OptionReader {
  constructor(private readonly values: OptionValues) {}

  text(name: string): string | undefined {
    const value = this.values[name];
    return typeof value === 'string' ? value : undefined;
  }

  list(name: string): string[] {
    const value = this.values[name];
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  }

  flag(name: string): boolean {
    return this.values[name] === true;
  }
}
