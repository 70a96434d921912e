import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { cli, server } from '../cli-with-server.fixture.js';
import { EventServer } from '../event-server.fixture.js';
import { GOOD, json, run } from './import.fixture.js';

const numbered = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => GOOD.replace('/a', `/a${from + i}`)).join('');

describe('a server in trouble', () => {
  test('503 is waited out as Retry-After says, and the same batch is sent again', async () => {
    server.script.push({ status: 503, headers: { 'Retry-After': '3' } }, { status: 503 });
    await cli.file('access.log', numbered(3));
    const { code, stderr, summary } = await json(['access.log']);
    expect([code, summary.accepted]).toEqual([0, 3]);
    expect(stderr).toContain('the server answers 503; waiting');
    expect(cli.pauses[0]).toBeGreaterThanOrEqual(3_000);
    const sent = server.requests.filter(({ method }) => method === 'POST');
    expect([sent.length, new Set(sent.map(({ body }) => body)).size]).toEqual([3, 1]);
  });

  test('a connection lost after the events were stored makes them duplicates, never twice counted', async () => {
    server.script.push('drop after storing', 'drop');
    await cli.file('access.log', numbered(3));
    expect((await json(['access.log'])).summary).toMatchObject({ accepted: 0, duplicate: 3, complete: true });
    expect(server.events.size).toBe(3);
  });

  test('a server that stays away ends the import with exit code 3 after a bounded number of attempts', async () => {
    await cli.file('access.log', GOOD);
    const gone = await EventServer.start();
    const { url } = gone;
    await gone.stop();
    const result = await cli.run(url, ['import', 'access.log']);
    expect(result.code).toBe(3);
    expect(result.stderr).toContain(`cannot reach the server at ${url}`);
    expect(cli.pauses).toHaveLength(9);
  });

  test('a wrong root key ends it with exit code 4 and does not show the key', async () => {
    await cli.file('access.log', GOOD);
    const result = await run(['access.log'], { env: { KEYMETER_ROOT_KEY: 'root_wrong' } });
    expect(result.code).toBe(4);
    expect(result.stdout + result.stderr).not.toContain('root_wrong');
  });

  test('events that the server refuses are rejects with its reason; the rest of the batch counts', async () => {
    server.invalid = (event) => ((event.data as { route: string }).route === '/a1' ? 'time is outside' : undefined);
    await cli.file('access.log', numbered(3));
    const { code, summary } = await json(['access.log']);
    expect(code).toBe(0);
    expect(summary).toMatchObject({ accepted: 2, malformed: 1 });
    expect(summary.malformedLines).toEqual([{ line: 2, reason: 'time is outside' }]);
    expect(await readFile(cli.path('access.log.rejected'), 'utf8')).toContain(
      '2\trefused by the server: time is outside\t',
    );
  });

  test('batches above the limit of the server are halved until they fit', async () => {
    server.maxEvents = 100;
    await cli.file('access.log', numbered(950));
    expect((await json(['access.log'])).summary).toMatchObject({ accepted: 950, complete: true });
  });

  test('an answer without counts is shown as not yet decided', async () => {
    server.script.push({ status: 204, body: '' });
    await cli.file('access.log', numbered(2));
    expect((await json(['access.log'])).summary).toMatchObject({ accepted: 0, undecided: 2, complete: true });
  });
});

describe('interruption', () => {
  test('an import stopped in the middle goes on where it was, and every line counts once', async () => {
    const total = 30_000;
    await cli.file('access.log', `broken first\n${numbered(total)}`);
    const stop = new AbortController();
    let batches = 0;
    server.onBatch = () => {
      if (++batches === 3) stop.abort();
    };
    const first = await json(['access.log'], { interrupt: stop.signal });
    expect(first.code).toBe(1);
    expect(first.stderr).toContain('interrupted; incomplete after line');
    expect(first.summary.accepted).toBeLessThan(total);
    const second = await json(['access.log']);
    expect(second.code).toBe(0);
    expect(second.summary.alreadyImported).toBeGreaterThan(1);
    expect(second.summary.accepted + first.summary.accepted).toBe(total);
    expect(server.events.size).toBe(total);
    expect(server.conflicts).toBe(0);
    expect(await readFile(cli.path('access.log.rejected'), 'utf8')).toBe(
      '1\tno identity and user after the client address\tbroken first\n',
    );
  });

  test('a fatal answer in the middle keeps what is acknowledged without a gap', async () => {
    const total = 25_000;
    await cli.file('access.log', numbered(total));
    let batches = 0;
    server.onBatch = () => {
      if (++batches === 2) server.script.push({ status: 403, body: { status: 403, detail: 'no right to ingest' } });
    };
    const first = await json(['access.log']);
    expect(first.code).toBe(4);
    server.onBatch = () => undefined;
    const second = await json(['access.log']);
    expect(second.summary.accepted + first.summary.accepted).toBe(total);
    expect(server.events.size).toBe(total);
  });

  test('a rejects file that was deleted between runs is written anew: nothing malformed disappears', async () => {
    await cli.file('access.log', `broken\n${numbered(3)}`);
    await run(['access.log']);
    await rm(cli.path('access.log.rejected'));
    const { summary } = await json(['access.log']);
    expect(summary).toMatchObject({ accepted: 0, duplicate: 3, malformed: 1 });
    expect(await readFile(cli.path('access.log.rejected'), 'utf8')).toContain('1\t');
  });

  test('a state file of another shape is ignored', async () => {
    await cli.file('access.log', numbered(3));
    await run(['access.log']);
    const [state] = await readdir(cli.path('.keymeter/imports'));
    await writeFile(cli.path(`.keymeter/imports/${state}`), '{"version":1,"chain":{"line":3}}');
    expect((await json(['access.log'])).summary).toMatchObject({ duplicate: 3, alreadyImported: 0 });
  });
});
