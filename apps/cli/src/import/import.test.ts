import { mkdir, readFile, rm } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { cli, server } from '../cli-with-server.fixture.js';
import { GOOD, json, run } from './import.fixture.js';

const numbered = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => GOOD.replace('/a', `/a${from + i}`)).join('');

describe('import of an access log', () => {
  test('an access-log line becomes a request event of the client with route, path, status, bytes and LOGGED', async () => {
    const line =
      '198.51.100.9 - ada [17/May/2015:10:05:03 +0200] "GET /p/x?q=1 HTTP/1.1" 404 - "http://e.org/" "a \\"b\\""';
    await cli.file('access.log', line);
    expect((await run(['access.log'])).code).toBe(0);
    const [event] = [...server.events.values()];
    expect(event).toMatchObject({
      specversion: '1.0',
      source: 'import/access.log',
      type: 'request',
      subject: '198.51.100.9',
      time: '2015-05-17T08:05:03Z',
    });
    expect(event?.data).toEqual({
      outcome: 'LOGGED',
      method: 'GET',
      route: '/p/x',
      path: '/p/x?q=1',
      status: 404,
      bytes: 0,
      ip: '198.51.100.9',
      referer: 'http://e.org/',
      userAgent: 'a \\"b\\"',
      user: 'ada',
    });
    const [request] = server.requests;
    expect(request?.headers['content-type']).toBe('application/cloudevents-batch+json');
    expect(request?.headers.prefer).toBe('respond-async, keymeter-counts');
  });

  test('a malformed line is listed by number, saved with its bytes, and stops nothing', async () => {
    await cli.file('access.log', `${GOOD}this is no log line\n${GOOD}`);
    const { code, stdout } = await run(['access.log']);
    expect(code).toBe(0);
    expect(stdout).toContain('line 2: no [time] after the user');
    expect(server.events.size).toBe(2);
    const rejects = await readFile(cli.path('access.log.rejected'), 'utf8');
    expect(rejects).toBe('2\tno [time] after the user\tthis is no log line\n');
  });

  test('a line of NUL bytes is a reject, its neighbours count', async () => {
    await cli.file('access.log', `${GOOD}\0\0\0\0\n${GOOD}`);
    const { code, summary } = await json(['access.log']);
    expect([code, summary.accepted, summary.malformed]).toEqual([0, 2, 1]);
    expect(await readFile(cli.path('access.log.rejected'), 'latin1')).toMatch(/^2\t[^\t]*NUL[^\t]*\t\0\0\0\0\n$/);
  });

  test('a line of 10 MB is reported with its length and saved cut to 64 KiB', async () => {
    await cli.file('access.log', `${GOOD}${'x'.repeat(10_000_000)}\n${GOOD}`);
    const { code, summary } = await json(['access.log']);
    expect([code, summary.accepted, summary.malformed]).toEqual([0, 2, 1]);
    expect(summary.malformedLines[0].reason).toContain('10000000 bytes');
    const rejects = await readFile(cli.path('access.log.rejected'), 'utf8');
    expect(rejects.split('\t')[2]).toBe(`${'x'.repeat(65_536)}\n`);
  });

  test('identical lines each count, and a repeated import adds nothing', async () => {
    await cli.file('access.log', GOOD.repeat(3));
    expect((await json(['access.log'])).summary).toMatchObject({ lines: 3, accepted: 3, duplicate: 0 });
    expect((await json(['access.log'])).summary).toMatchObject({ lines: 3, accepted: 0, alreadyImported: 3 });
    await rm(cli.path('.keymeter'), { recursive: true });
    expect((await json(['access.log'])).summary).toMatchObject({ lines: 3, accepted: 0, duplicate: 3 });
    expect(server.events.size).toBe(3);
  });

  test('blank lines and CRLF line ends are no errors', async () => {
    await cli.file('access.log', `${GOOD.replace('\n', '\r\n')}\n\r\n${GOOD}`);
    expect((await json(['access.log'])).summary).toMatchObject({ lines: 4, accepted: 2, malformed: 0, blank: 2 });
  });

  test('a byte order mark is no part of the first line', async () => {
    await cli.file('access.log', `\ufeff${GOOD}`);
    await run(['access.log']);
    expect([...server.events.values()][0]?.subject).toBe('203.0.113.7');
  });

  test('bytes that are not UTF-8 are kept as ISO 8859-1, so that different lines stay different', async () => {
    const lines = [0xe4, 0xf6].map((byte) =>
      Buffer.from(GOOD.replace('/a', `/${String.fromCharCode(byte)}`), 'latin1'),
    );
    await cli.file('access.log', Buffer.concat([...lines, Buffer.from(GOOD.replace('/a', '/ä'))]));
    await run(['access.log']);
    expect([...server.events.values()].map((event) => (event.data as { route: string }).route)).toEqual([
      '/ä',
      '/ö',
      '/ä',
    ]);
  });

  test('a file without one readable line fails, with the reason of each line', async () => {
    await cli.file('notes.txt', 'dear diary\nit rained\n');
    const { code, stderr } = await run(['notes.txt']);
    expect(code).toBe(1);
    expect(stderr).toContain('not one line could be read');
  });

  test('a missing file and a directory are one sentence each', async () => {
    await mkdir(cli.path('logs'));
    expect(await run(['nowhere.log'])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'keymeter: cannot read nowhere.log: there is no such file\n',
    });
    expect((await run(['logs'])).stderr).toBe('keymeter: cannot read logs: it is a directory\n');
  });

  test('the summary gives counts, first and last time and the top clients', async () => {
    const other = GOOD.replace('203.0.113.7', '198.51.100.1').replace('01/Jan', '02/Jan');
    await cli.file('access.log', GOOD + other + GOOD);
    const { stdout } = await run(['access.log']);
    expect(stdout).toMatch(/accepted +3\n/);
    expect(stdout).toContain('2026-01-01T00:00:00Z to 2026-01-02T00:00:00Z');
    expect(stdout).toMatch(/203\.0\.113\.7 +2\n198\.51\.100\.1 +1\n/);
  });
});

describe('the same lines in another file', () => {
  test('a log that grew, was rotated or compressed counts its old lines once', async () => {
    await cli.file('access.log', numbered(3));
    await run(['access.log']);
    await cli.file('access.log', numbered(5));
    expect((await json(['access.log'])).summary).toMatchObject({ accepted: 2, alreadyImported: 3 });
    await cli.file('access.log.1', numbered(5));
    expect((await json(['access.log.1'])).summary).toMatchObject({ accepted: 0, duplicate: 5 });
    await cli.file('access.log-20260101.gz', gzipSync(numbered(5)));
    expect((await json(['access.log-20260101.gz'])).summary).toMatchObject({ accepted: 0, duplicate: 5 });
  });

  test('a new log under the old name is imported whole, though an earlier import had come further', async () => {
    await cli.file('access.log', numbered(5));
    await run(['access.log']);
    await cli.file('access.log', numbered(9, 100));
    expect((await json(['access.log'])).summary).toMatchObject({ accepted: 9, alreadyImported: 0 });
    expect(server.conflicts).toBe(0);
  });

  test('a server that lost its data gets every line again, each counted once in the summary', async () => {
    await cli.file('access.log', numbered(5));
    await run(['access.log']);
    server.events.clear();
    expect((await json(['access.log'])).summary).toMatchObject({ accepted: 5, duplicate: 0, alreadyImported: 0 });
    expect(server.events.size).toBe(5);
  });

  test('--source tells two files apart', async () => {
    await cli.file('access.log', numbered(2));
    await run(['access.log', '--source', 'web1']);
    await run(['access.log', '--source', 'web2']);
    expect(server.events.size).toBe(4);
    expect((await run(['access.log', '--source', 'keymeter/x'])).code).toBe(2);
  });
});

describe('gzip', () => {
  const text = numbered(10_000);

  test('a compressed file and compressed standard input are read by their bytes, whatever their name', async () => {
    const packed = Buffer.concat([gzipSync(numbered(2)), gzipSync(numbered(2, 2))]);
    await cli.file('odd-name', packed);
    expect((await json(['odd-name'])).summary.accepted).toBe(4);
    expect((await json(['-'], { stdin: packed })).summary.accepted).toBe(4);
  });

  test('a gzip file that ends early says how far it came; the whole file later counts each line once', async () => {
    const whole = gzipSync(text, { level: 1 });
    await cli.file('access.log.gz', whole.subarray(0, whole.length >> 1));
    const first = await json(['access.log.gz']);
    expect(first.code).toBe(1);
    expect(first.stderr).toMatch(/ends early, after \d+ bytes.*incomplete after line \d+/s);
    expect(first.summary.accepted).toBeGreaterThan(3_000);
    expect(first.summary.malformed).toBe(0);
    await cli.file('access.log.gz', whole);
    const second = await json(['access.log.gz']);
    expect(second.code).toBe(0);
    expect(second.summary.accepted + first.summary.accepted).toBe(10_000);
    expect(server.events.size).toBe(10_000);
    expect(server.conflicts).toBe(0);
  });

  test('damaged gzip data is an error that names the place', async () => {
    const whole = gzipSync(text, { level: 1 });
    whole.fill(0xff, whole.length >> 1, (whole.length >> 1) + 64);
    await cli.file('access.log.gz', whole);
    const { code, stderr, summary } = await json(['access.log.gz']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/damaged near byte \d+/);
    expect(summary.complete).toBe(false);
  });
});

describe('other formats', () => {
  test('CloudEvents keep their own source and id', async () => {
    const event = { specversion: '1.0', id: 'e1', source: 'svc', type: 'prompt', subject: 'c1', data: { tokens: 3 } };
    const lines = [event, { ...event, id: 'e2', time: '2026-01-01T00:00:00Z' }, { ...event, id: '' }, event];
    await cli.file('events.ndjson', lines.map((line) => JSON.stringify(line)).join('\n'));
    const { summary } = await json(['events.ndjson']);
    expect(summary).toMatchObject({ lines: 4, accepted: 2, duplicate: 1, malformed: 1 });
    expect(summary.malformedLines).toEqual([{ line: 3, reason: 'id is missing or no text' }]);
    expect([...server.events.keys()]).toEqual(['svc\ne1', 'svc\ne2']);
  });

  test('JSON lines are mapped field by field', async () => {
    const calls = [
      { ts: 1_767_225_600, user: { id: 'u1' }, path: '/a', size: 5 },
      { ts: 1_767_225_600_500, user: { id: 7 }, path: '/b', size: 6 },
      { user: { id: 'u3' } },
    ];
    await cli.file('calls.ndjson', calls.map((call) => JSON.stringify(call)).join('\n'));
    const mapping = ['subject=user.id', 'time=ts', 'data.route=path', 'data.bytes=size'].flatMap((map) => [
      '--map',
      map,
    ]);
    const { summary } = await json(['calls.ndjson', ...mapping, '--set', 'type=call', '--set', 'data.region=eu']);
    expect(summary).toMatchObject({ accepted: 2, malformed: 1 });
    const events = [...server.events.values()].map(({ type, subject, time, data }) => ({ type, subject, time, data }));
    expect(events).toEqual([
      { type: 'call', subject: 'u1', time: '2026-01-01T00:00:00.000Z', data: { route: '/a', bytes: 5, region: 'eu' } },
      { type: 'call', subject: '7', time: '2026-01-01T00:00:00.500Z', data: { route: '/b', bytes: 6, region: 'eu' } },
    ]);
  });

  test('a mapping may choose another subject for access-log lines', async () => {
    await cli.file('access.log', GOOD);
    await run(['access.log', '--map', 'subject=userAgent']);
    expect([...server.events.values()][0]?.subject).toBe('curl/8');
    expect((await run(['access.log', '--map', 'colour=blue'])).code).toBe(2);
  });

  test('standard input leaves no rejects file unless asked for one', async () => {
    const { summary } = await json(['-', '--rejects', 'bad.txt'], { stdin: `${GOOD}broken\n` });
    expect(summary).toMatchObject({ source: 'import/stdin', accepted: 1, malformed: 1 });
    expect(await readFile(cli.path('bad.txt'), 'utf8')).toContain('2\t');
    expect((await json(['-'], { stdin: `${GOOD}broken\n` })).summary.rejectsFile).toBeNull();
  });
});
