/** A real access log through the whole product: command line, log, consumer, policies, queries. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accessLog, generatedLog } from './real-log/access-log.js';
import { answersOf, THRESHOLDS } from './real-log/log-answers.js';
import { LogServer, type Summary } from './real-log/log-server.js';
import { expectedTotals, totalsOf } from './real-log/log-totals.js';
import { eventually } from './support/eventually.js';
import { drawSeed, randomFrom } from './support/seed.js';
import { temporaryFolder } from './support/temp-folder.js';

const random = randomFrom(drawSeed('real log'));
const { text, answers } = accessLog(random);
const folder = temporaryFolder('real-log');
const file = join(folder, 'access.log');
const KILLS = 3;
const TIMEOUT_MS = 180_000;

let server: LogServer;
let first: Summary;
let tookMs: number;

beforeAll(async () => {
  writeFileSync(file, text);
  server = await LogServer.start(join(folder, 'first'));
  await server.putPolicies();
  const start = performance.now();
  first = await server.import(file);
  tookMs = performance.now() - start;
}, TIMEOUT_MS);
afterAll(() => server.http.close());

test('what the independent answers were computed with and the port in these tests agree', () => {
  const { malformed_lines, clients_over_n_per_minute } = answers;
  expect(answersOf(text)).toMatchObject({ ...expectedTotals(answers), malformed_lines, clients_over_n_per_minute });
});

test('every total that the queries give is the one computed independently', async () => {
  expect(await totalsOf(server, answers)).toEqual(expectedTotals(answers));
});

test('the cut-off line is reported by its number, kept with its bytes, and not counted', () => {
  const { lines, parsed, malformed_lines } = answers;
  expect(first).toMatchObject({ complete: true, lines, accepted: parsed, duplicate: 0, conflict: 0 });
  expect(first.malformedLines.map(({ line }) => line)).toEqual(malformed_lines);
  const rejects = readFileSync(`${file}.rejected`, 'utf8').split('\n').slice(0, -1);
  const saved = rejects.map((entry) => entry.split('\t'));
  expect(saved.map(([number]) => Number(number))).toEqual(malformed_lines);
  expect(saved.map(([, , line]) => line)).toEqual(malformed_lines.map((number) => text.split('\n')[number - 1]));
});

test.each(THRESHOLDS)(
  'who went over %i a minute is found from the history: sliding and calendar minutes',
  async (n) => {
    const { sliding, tumbling } = answers.clients_over_n_per_minute[n]!;
    await eventually(async () => expect(await server.subjectsOver('sliding', n)).toEqual([...sliding].sort()));
    expect(await server.subjectsOver('tumbling', n)).toEqual([...tumbling].sort());
  },
);

test(
  'a second import adds nothing, with and without the memory of the first',
  async () => {
    const { parsed, lines } = answers;
    expect(await server.import(file)).toMatchObject({ complete: true, accepted: 0, alreadyImported: lines });
    expect(await server.import(file, 'another home')).toMatchObject({ accepted: 0, duplicate: parsed, conflict: 0 });
    expect(await totalsOf(server, answers)).toEqual(expectedTotals(answers));
  },
  TIMEOUT_MS,
);

test(
  'an import that is killed at random moments and run again ends with the same totals',
  async () => {
    rmSync(`${file}.rejected`, { force: true });
    const killed = await LogServer.start(join(folder, 'killed'));
    const reached: number[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      const running = killed.startImport(file);
      const timer = setTimeout(() => running.kill('SIGKILL'), random() * tookMs);
      const { signal, code } = await running.ended;
      clearTimeout(timer);
      expect(signal ?? code).toEqual(signal === null ? 0 : 'SIGKILL');
      reached.push(await killed.total('requests'));
    }
    process.stderr.write(`real log: events counted when the import was killed: ${reached.join(', ')}\n`);
    const last = await killed.import(file);
    expect(last).toMatchObject({ complete: true, lines: answers.lines, conflict: 0 });
    expect(await totalsOf(killed, answers)).toEqual(expectedTotals(answers));
    expect(readFileSync(`${file}.rejected`, 'utf8').split('\t')[0]).toBe(String(answers.malformed_lines[0]));
    await killed.stop();
  },
  TIMEOUT_MS,
);

test(
  'sliding and calendar minutes differ where a naive computation says so, whatever the size of the last batch',
  async () => {
    // Not a multiple of the batch size: the last batch is small, and must not overtake the ones before it.
    const generated = generatedLog(4_000 + Math.ceil(random() * 20), random);
    const expected = answersOf(generated).clients_over_n_per_minute;
    expect(THRESHOLDS.some((n) => expected[n]!.sliding.length > expected[n]!.tumbling.length)).toBe(true);
    const other = await LogServer.start(join(folder, 'generated'));
    await other.putPolicies();
    const path = join(folder, 'generated.log');
    writeFileSync(path, generated);
    expect(await other.import(path)).toMatchObject({ complete: true, duplicate: 0, malformed: 0 });
    for (const n of THRESHOLDS) {
      await eventually(async () => expect(await other.subjectsOver('sliding', n)).toEqual(expected[n]!.sliding));
      expect(await other.subjectsOver('tumbling', n)).toEqual(expected[n]!.tumbling);
    }
    expect(existsSync(`${path}.rejected`)).toBe(false);
    await other.stop();
  },
  TIMEOUT_MS,
);
