/** README.md is a program: its commands are run in order, in one shell, and must answer what it shows. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './support/eventually.js';
import { type FencedBlock, fencedBlocks, missingLine } from './support/fenced-blocks.js';
import { Shell } from './support/shell.js';
import { temporaryFolder } from './support/temp-folder.js';

const ROOT = join(import.meta.dirname, '..');
const SHOWN_URL = 'http://127.0.0.1:8080';
const SHOWN_KEY = 'KEYMETER_ROOT_KEY=keymeter_…';
const SHOWN_LOG = '/var/log/nginx/access.log';

/** In place of the reader's log. */
const LOG = `\
203.0.113.7 - - [31/Jan/2026:10:59:12 +0000] "GET /orders?page=2 HTTP/1.1" 200 812 "-" "curl/8.5.0"
203.0.113.7 - - [31/Jan/2026:10:59:12 +0000] "GET /orders?page=2 HTTP/1.1" 200 812 "-" "curl/8.5.0"
203.0.113.7 - - [31/Jan/2026:11:02:40 +0000] "GET /orders HTTP/1.1" 200 321 "-" "curl/8.5.0"
198.51.100.20 - ada [31/Jan/2026:11:02:41 +0000] "POST /orders HTTP/1.1" 201 87 "-" "shop/2.1"
198.51.100.20 - ada [31/Jan/2026:11:02:41 +0000] "POST /orders HTTP/1.1" 201 87 "-" "shop/2.1"
\\x16\\x03\\x01
198.51.100.20 - ada [31/Jan/2026:11:03:02 +0000] "GET /reports/2025 HTTP/1.1" 200 1400 "-" "shop/2.1"
192.0.2.66 - - [31/Jan/2026:11:39:58 +0000] "POST /login HTTP/1.1" 401 31 "-" "-"
203.0.113.7 - - [31/Jan/2026:11:40:09 +0000] "GET /reports/2025 HTTP/1.1" 304 100 "-" "curl/8.5.0"
`;

const folder = temporaryFolder('readme', () => stopServer());
const [start, ...rest] = fencedBlocks(readFileSync(join(ROOT, 'README.md'), 'utf8')).filter(
  ({ language }) => language !== '',
) as [FencedBlock, ...FencedBlock[]];
const environment = {
  PATH: process.env.PATH ?? '',
  HOME: folder,
  npm_config_update_notifier: 'false',
  npm_config_offline: 'true',
};
let server: ChildProcess;
let serverOutput = '';
let shell: Shell | undefined;

beforeAll(async () => {
  writeFileSync(join(folder, 'access.log'), LOG);
  const settings = { KEYMETER_PORT: '0', KEYMETER_DATA_DIR: join(folder, 'data') };
  server = spawn('bash', ['-c', start.text], { cwd: ROOT, env: { ...environment, ...settings }, detached: true });
  for (const stream of [server.stdout, server.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      serverOutput += chunk.toString();
    });
  }
  await eventually(async () => {
    if (server.exitCode !== null) return;
    expect(serverOutput).toMatch(/^root key/m);
    expect((await fetch(`${printed(/listening on (\S+)/)}/health/ready`)).status).toBe(200);
  }, 100_000);
}, 110_000);

async function stopServer(): Promise<void> {
  shell?.end();
  if (server.exitCode !== null) return;
  const ended = new Promise((resolve) => server.once('close', resolve));
  process.kill(-(server.pid as number), 'SIGTERM'); // npm and the process that it started
  await ended;
  expect(serverOutput).not.toContain('stopping took longer');
}

const printed = (pattern: RegExp) => pattern.exec(serverOutput)?.[1] ?? `nothing printed:\n${serverOutput}`;

/** The reader's addresses, key and file, exchanged for the test's. */
function ours(text: string): string {
  return text
    .replaceAll(SHOWN_URL, printed(/listening on (\S+)/))
    .replaceAll(SHOWN_KEY, `KEYMETER_ROOT_KEY=${printed(/^root key +(\S+)/m)}`)
    .replaceAll(SHOWN_LOG, join(folder, 'access.log'));
}

/** A reader is slower than this test: what was accepted has been counted before the next command. */
async function counted(): Promise<void> {
  await eventually(async () => {
    const metrics = await fetch(`${printed(/listening on (\S+)/)}/metrics`);
    expect(await metrics.text()).toMatch(/^keymeter_lag_records 0$/m);
  }, 30_000);
}

test('the first command starts the server and prints what the page shows', () => {
  expect(start).toMatchObject({ language: 'sh', text: 'npm start\n' });
  expect(rest[0]?.language).toBe('text');
  expect(missingLine(ours(rest[0]?.text ?? ''), serverOutput)).toBeUndefined();
});

test('every other command of the page succeeds and answers what the page shows', async () => {
  shell = new Shell(ROOT, environment);
  let output = '';
  let commands = 0;
  for (const { language, text, line } of rest.slice(1)) {
    if (language === 'sh') {
      output = await shell.run(ours(text));
      commands++;
      await counted();
    } else {
      const missing = missingLine(ours(text), output);
      if (missing !== undefined) throw new Error(`README.md:${line} shows\n${missing}\nbut the answer was\n${output}`);
    }
  }
  expect(commands).toBeGreaterThan(10);
}, 180_000);

test('the page mentions the log, the address and the key that this test exchanges', () => {
  const page = rest.map(({ text }) => text).join('');
  for (const shown of [SHOWN_URL, SHOWN_KEY, SHOWN_LOG]) expect(page).toContain(shown);
});
