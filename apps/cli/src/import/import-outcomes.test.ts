/** Batches are sent as soon as the one before is durable; what became of them is asked for meanwhile. */
import { cli, server } from '../cli-with-server.fixture.js';
import { MAX_BATCH_EVENTS } from './event-batch.js';
import { GOOD, json } from './import.fixture.js';

const numbered = (count: number) => Array.from({ length: count }, (_, i) => GOOD.replace('/a', `/a${i}`)).join('');
const undecided = { status: 202, body: '', headers: { 'Retry-After': '1' } };
const questions = () => server.requests.filter(({ method }) => method === 'GET').map(({ url }) => url);

test('sending does not wait for decisions, and the summary has all of them', async () => {
  const batches = 6;
  let sent = 0;
  let allSent: () => void;
  const decided = new Promise<undefined>((resolve) => {
    allSent = () => resolve(undefined);
  });
  server.onBatch = () => {
    if (++sent > batches) allSent();
  };
  server.onOutcome = () => decided;
  await cli.file('access.log', numbered(batches * MAX_BATCH_EVENTS) + GOOD.replace('/a', '/a0'));
  const { code, summary } = await json(['access.log']);
  expect([code, sent]).toEqual([0, batches + 1]);
  expect(summary).toMatchObject({ accepted: batches * MAX_BATCH_EVENTS + 1, undecided: 0, complete: true });
});

test('batches go out one after the other, and outcomes are asked for in that order, each until it is known', async () => {
  const later = new Set(['/api/v1/events/outcomes/0/0', '/api/v1/events/outcomes/0/1']);
  server.onOutcome = (path) => (later.delete(path) ? undecided : undefined);
  await cli.file('access.log', numbered(3 * MAX_BATCH_EVENTS));
  const { summary } = await json(['access.log']);
  expect(summary).toMatchObject({ accepted: 3 * MAX_BATCH_EVENTS, undecided: 0 });
  expect(questions().map((url) => url.slice(-1))).toEqual(['0', '0', '1', '1', '2']);
  const first = server.requests.filter(({ method }) => method === 'POST').map(({ body }) => JSON.parse(body)[0].data);
  expect(first.map(({ path }) => path)).toEqual(['/a0', `/a${MAX_BATCH_EVENTS}`, `/a${2 * MAX_BATCH_EVENTS}`]);
});

test('on a terminal it says that all is stored while it waits for the rest, and wipes that away', async () => {
  const stdin = numbered(3);
  const waiting = 'all 3 lines are stored; waiting until they are counted…';
  const shown = await cli.run(server.url, ['import', '-', '--source', 'a'], { stdin, terminal: true });
  expect(shown.stderr).toBe(`\r\u001b[K${waiting}\r\u001b[K`);
  expect((await cli.run(server.url, ['import', '-', '--source', 'b'], { stdin })).stderr).toBe('');
});

test('what the server has forgotten is stored and shown as not yet decided, and the import is complete', async () => {
  const forgotten = { status: 404, body: { status: 404, detail: 'not found error: forgotten' } };
  server.onOutcome = (path) => (path.endsWith('/0') ? forgotten : undefined);
  await cli.file('access.log', numbered(MAX_BATCH_EVENTS + 5));
  const { code, stdout, stderr } = await cli.run(server.url, ['import', 'access.log']);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/accepted +5\n/);
  expect(stdout).toMatch(/not yet decided +2,000\n/);
  expect(server.events.size).toBe(MAX_BATCH_EVENTS + 5);
});

test('a lost or failing question is repeated; one that is refused ends the questions with a sentence', async () => {
  const answers = ['drop', { status: 503 }, undefined, { status: 403 }] as const;
  let asked = 0;
  server.onOutcome = () => answers[asked++];
  await cli.file('access.log', numbered(2 * MAX_BATCH_EVENTS + 5));
  const { code, stderr, summary } = await json(['access.log']);
  expect([code, asked]).toEqual([0, 4]);
  expect(summary).toMatchObject({ accepted: MAX_BATCH_EVENTS, undecided: MAX_BATCH_EVENTS + 5, complete: true });
  expect(stderr).toContain('the server answers 403 when asked what became of stored events');
});

test('a server that never decides is left after a bounded time', async () => {
  server.onOutcome = () => undecided;
  await cli.file('access.log', numbered(3));
  const { code, stderr, summary } = await json(['access.log']);
  expect([code, summary.accepted, summary.undecided]).toEqual([0, 0, 3]);
  expect(stderr).toContain('they are shown as not yet decided');
  expect(cli.clock.monotonic()).toBeLessThan(20 * 60_000);
});

test('an interrupted import asks once more at most, and goes on where it was', async () => {
  const total = 5 * MAX_BATCH_EVENTS;
  await cli.file('access.log', numbered(total));
  const stop = new AbortController();
  let batches = 0;
  server.onBatch = () => {
    if (++batches === 3) stop.abort();
  };
  const interrupted = new Promise<typeof undecided>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve(undecided));
  });
  server.onOutcome = () => interrupted;
  const first = await json(['access.log'], { interrupt: stop.signal });
  expect([first.code, first.summary.accepted]).toEqual([1, 0]);
  expect(first.summary.undecided).toBe(server.events.size);
  expect(questions()).toHaveLength(1);
  const kept = server.events.size;
  server.onOutcome = () => undefined;
  const second = await json(['access.log']);
  expect(second.summary).toMatchObject({ accepted: total - kept, duplicate: 0, undecided: 0, alreadyImported: kept });
  expect(server.events.size).toBe(total);
});

test('a server that does not know respond-async answers with the counts at once', async () => {
  server.respondsAsync = false;
  await cli.file('access.log', GOOD.repeat(3));
  expect((await json(['access.log'])).summary).toMatchObject({ accepted: 3, undecided: 0 });
  expect(questions()).toEqual([]);
});

test('the root key is not sent where an outcome cannot be', async () => {
  for (const place of ['http://127.0.0.1:1/x', '//x/api/v1/events/outcomes/0/0', '@x/api/v1/events/outcomes/0/0']) {
    server.script.push({ status: 202, body: '', headers: { Location: place } });
    await cli.file('access.log', GOOD);
    expect((await json(['access.log', '--source', `s${place.length}`])).summary).toMatchObject({ undecided: 1 });
  }
  expect(questions()).toEqual([]);
});
