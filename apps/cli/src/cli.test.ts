import { COMMANDS } from './cli.js';
import { cli, server } from './cli-with-server.fixture.js';
import { EventServer } from './event-server.fixture.js';

const METER = '/api/v1/meters/requests/query';
const ROWS = [
  {
    value: 2,
    windowStart: '2026-01-01T00:00:00Z',
    windowEnd: '2026-01-02T00:00:00Z',
    subject: 'b,c',
    groupBy: { route: '/a' },
  },
  {
    value: 1_500,
    windowStart: '2026-01-01T00:00:00Z',
    windowEnd: '2026-01-02T00:00:00Z',
    subject: 'a',
    groupBy: { route: '/b' },
  },
];
const run = (...args: string[]) => cli.run(server.url, args);
const answer = (route: string, body: unknown, status = 200) => server.routes.set(route, { status, body });

describe('help and wrong usage', () => {
  test.each(COMMANDS.map((command) => command.name))(
    'keymeter %s --help shows usage, all options, and exits 0',
    async (name) => {
      const { code, stdout } = await run(name, '--help');
      expect(code).toBe(0);
      expect(stdout).toContain(`keymeter ${name}`);
      const command = COMMANDS.find((candidate) => candidate.name === name);
      for (const option of [...Object.keys(command?.options ?? {}), 'json', 'url', 'help']) {
        expect(stdout).toContain(`--${option}`);
      }
      expect(await run('help', name)).toEqual({ code, stdout, stderr: '' });
    },
  );

  test('the program help names every command and the exit codes', async () => {
    const { code, stdout } = await run('--help');
    expect(code).toBe(0);
    for (const { name } of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(stdout).toContain('3 server unreachable');
    expect((await run()).code).toBe(2);
  });

  test.each([
    ['nonsense'],
    ['usage', '--colour'],
    ['usage', '--from', 'yesterday'],
    ['usage', '--window', 'week'],
    ['usage', '--csv', '--json'],
    ['usage', 'extra'],
    ['usage', '--where', 'route'],
    ['top', '--count', '0'],
    ['keys'],
    ['keys', 'toString'],
    ['keys', 'show'],
    ['keys', 'show', 'a', 'b'],
    ['keys', 'create'],
    ['keys', 'create', '--api', 'api_1', '--new-api', 'demo'],
    ['keys', 'create', '--api', 'api_1', '--rate-limit', '5'],
    ['keys', 'verify', 'sk_secret'],
    ['apis', 'create'],
    ['policies', 'apply'],
    ['enforcements', 'lift', 'enf_1'],
    ['import'],
    ['import', 'a', '--format', 'xml'],
    ['import', 'a', 'b', '--rejects', 'c'],
    ['migrate'],
    ['migrate', '--from', '.'],
    ['migrate', '--from', '.', 'more'],
    ['spool'],
    ['spool', 'show'],
    ['spool', 'show', 'nowhere'],
    ['spool', 'drain', '.'],
    ['spool', 'clear', '.'],
  ])('wrong usage is one sentence, exit code 2 and no request: %s %s %s %s', async (...args) => {
    const { code, stdout, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^keymeter: [^\n]+\n$/);
    expect(server.requests).toHaveLength(0);
  });
});

describe('exit codes of the server', () => {
  test('unreachable is 3, refused 4, an error 1, each one sentence with the reason', async () => {
    answer(`GET ${METER}`, { title: 'Forbidden', status: 403, detail: 'the root key may not read usage' }, 403);
    expect(await run('usage')).toEqual({
      code: 4,
      stdout: '',
      stderr: 'keymeter: refused (403): the root key may not read usage\n',
    });
    answer(
      `GET ${METER}`,
      { title: 'Not Found', status: 404, detail: 'not found error: meter not found: requests' },
      404,
    );
    expect(await run('usage')).toMatchObject({
      code: 1,
      stderr: 'keymeter: not found error: meter not found: requests (404)\n',
    });
    answer(
      'POST /v2/keys.getKey',
      { meta: {}, error: { title: 'Not Found', detail: 'We could not find the requested key.' } },
      404,
    );
    expect((await run('keys', 'show', 'key_1')).stderr).toBe('keymeter: We could not find the requested key. (404)\n');
    const gone = await EventServer.start();
    const { url } = gone;
    await gone.stop();
    expect(await cli.run(url, ['status'])).toMatchObject({
      code: 3,
      stderr: `keymeter: cannot reach the server at ${url} (ECONNREFUSED)\n`,
    });
  });

  test('an answer that is no JSON is one sentence', async () => {
    answer(`GET ${METER}`, '<html>');
    expect(await run('usage')).toMatchObject({ code: 1, stderr: expect.stringContaining('no JSON') });
  });
});

describe('usage and top', () => {
  beforeEach(() => answer(`GET ${METER}`, { data: ROWS }));

  test('options become the query of the meter', async () => {
    await run(
      'usage',
      '--by',
      'subject,route',
      '--window',
      'day',
      '--from',
      '2026-01-01',
      '--to',
      '24h',
      '--time-zone',
      'Europe/Berlin',
      '--where',
      'route=/a b',
      '--where',
      'subject=c',
      '--wait-for',
      '0:7',
    );
    expect(server.requests[0]?.url).toBe(
      `${METER}?groupBy=subject&groupBy=route&from=2026-01-01T00%3A00%3A00Z&to=2025-12-31T00%3A00%3A00Z` +
        '&windowSize=DAY&windowTimeZone=Europe%2FBerlin&waitFor=0%3A7&filterGroupBy[route]=%2Fa%20b&subject=c',
    );
  });

  test('a table, CSV and JSON show the same rows', async () => {
    expect((await run('usage', '--by', 'subject,route')).stdout).toBe(
      'from                  to                    subject  route  requests\n' +
        '2026-01-01T00:00:00Z  2026-01-02T00:00:00Z  b,c      /a            2\n' +
        '2026-01-01T00:00:00Z  2026-01-02T00:00:00Z  a        /b        1,500\n',
    );
    expect((await run('usage', '--by', 'subject,route', '--csv')).stdout).toBe(
      'from,to,subject,route,requests\n' +
        '2026-01-01T00:00:00Z,2026-01-02T00:00:00Z,"b,c",/a,2\n' +
        '2026-01-01T00:00:00Z,2026-01-02T00:00:00Z,a,/b,1500\n',
    );
    expect(JSON.parse((await run('usage', '--json')).stdout)).toEqual({ data: ROWS });
  });

  test('top sorts by value and cuts', async () => {
    expect((await run('top')).stdout).toBe('subject  requests\na           1,500\nb,c             2\n');
    expect(JSON.parse((await run('top', 'route', '--count', '1', '--json')).stdout)).toEqual([
      { route: '/b', value: 1_500 },
    ]);
  });
});
