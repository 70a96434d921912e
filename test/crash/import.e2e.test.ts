/** The server dies while a file is imported: sending had run ahead of the decisions, and still every line counts once. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startCli } from '../support/cli-process.js';
import { eventually } from '../support/eventually.js';
import { drawSeed, randomFrom } from '../support/seed.js';
import { ROOT_KEY, type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { HttpCaller } from './http-caller.js';
import { fatesMetric, settled } from './server-view.js';

const LINES = 60_000;
const random = randomFrom(drawSeed('import across a kill'));
const folder = temporaryFolder('import-crash');
const dataDir = join(folder, 'data');
let standalone: Standalone;
let caller: HttpCaller;

async function start(port = '0'): Promise<void> {
  standalone = await startStandalone({ dataDir, env: { KEYMETER_PORT: port } });
  caller = new HttpCaller(standalone.url, ROOT_KEY);
}

async function requests(): Promise<number> {
  await settled(caller);
  return (await caller.demand('GET', '/api/v1/meters/requests/query')).data[0]?.value ?? 0;
}

function writeLog(): string {
  const file = join(folder, 'access.log');
  const lines = Array.from(
    { length: LINES },
    (_, i) =>
      `203.0.113.${i % 200} - - [01/Jan/2026:00:${String(i % 60).padStart(2, '0')}:00 +0000] "GET /a${i} HTTP/1.1" 200 7`,
  );
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

beforeAll(() => start(), 60_000);
afterAll(() => caller.close());

it('an import goes on across a kill of the server; what nobody can tell any more is not yet decided, and counts once', async () => {
  const args = ['import', writeLog(), '--json'];
  const running = startCli(join(folder, 'home'), { url: standalone.url, rootKey: ROOT_KEY }, args);
  const killAt = LINES * (0.05 + random() * 0.5);
  await eventually(async () => expect((await fatesMetric(caller)).counted ?? 0).toBeGreaterThan(killAt), 120_000);
  const { port } = new URL(standalone.url);
  caller.close();
  await standalone.end('SIGKILL');
  await start(port);
  const { code, stdout, stderr } = await running.ended;
  expect([code, stdout === '' ? stderr : '']).toEqual([0, '']);
  const [summary] = JSON.parse(stdout).files;
  expect(summary).toMatchObject({ complete: true, lines: LINES, malformed: 0, conflict: 0, alreadyImported: 0 });
  expect(summary.accepted + summary.duplicate + summary.undecided).toBe(LINES);
  expect(await requests()).toBe(LINES);
  process.stderr.write(`import across a kill: ${summary.accepted} accepted, ${summary.undecided} not yet decided\n`);

  const again = await startCli(join(folder, 'home'), { url: standalone.url, rootKey: ROOT_KEY }, args).ended;
  expect(JSON.parse(again.stdout).files[0]).toMatchObject({ complete: true, accepted: 0, alreadyImported: LINES });
  expect(await requests()).toBe(LINES);
}, 400_000);
