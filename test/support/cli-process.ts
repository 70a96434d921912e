/** The built command line as a process of its own, in a folder that is also its home. */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../scripts/keymeter.mjs', import.meta.url));

export interface CliServer {
  readonly url?: string;
  /** File with the addresses of a cluster. */
  readonly cluster?: string;
  readonly rootKey: string;
}

export interface CliEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliProcess {
  readonly ended: Promise<CliEnd>;
  kill(signal: NodeJS.Signals): void;
}

export function startCli(folder: string, { url, cluster, rootKey }: CliServer, args: readonly string[]): CliProcess {
  mkdirSync(folder, { recursive: true });
  const child = spawn(process.execPath, [SCRIPT, ...args], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      KEYMETER_URL: url,
      KEYMETER_CLUSTER: cluster,
      KEYMETER_ROOT_KEY: rootKey,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const ended = new Promise<CliEnd>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { ended, kill: (signal) => child.kill(signal) };
}
