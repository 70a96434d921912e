/** Runs the command line as a user does, in a folder of its own, and measures how much memory it took at most. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Observed } from './observed.js';

const SCRIPT = fileURLToPath(new URL('../../scripts/keymeter.mjs', import.meta.url));
/** VmHWM counts this process only; getrusage would begin with the size of the process it was forked from. */
const REPORT_PEAK = `data:text/javascript,${encodeURIComponent(`
  import { existsSync, readFileSync, writeFileSync } from 'node:fs';
  process.on('exit', () => {
    if (existsSync('/proc/self/status')) writeFileSync('peak', /VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
  });`)}`;

export interface CliCall {
  readonly folder: string;
  /** As in the table: `keymeter import access.log`. */
  readonly command: string;
  /** Names the events of this folder's files apart from those of other cases, which have the same lines. */
  readonly source: string;
  readonly file: Buffer | undefined;
  readonly env: Readonly<Record<string, string>>;
}

export function callCli({ folder, command, source, file, env }: CliCall): Promise<Observed> {
  const [, ...args] = command.split(' ');
  mkdirSync(folder, { recursive: true });
  if (file) writeFileSync(join(folder, args.at(-1) as string), file);
  const start = performance.now();
  const child = spawn(process.execPath, ['--import', REPORT_PEAK, SCRIPT, ...args, '--source', source], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ status: code ?? -1, headers: {}, text, tookMs: performance.now() - start, peakBytes: peakOf(folder) });
    });
  });
}

function peakOf(folder: string): number | undefined {
  const file = join(folder, 'peak');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) * 1024 : undefined;
}
