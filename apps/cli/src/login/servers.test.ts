import { CliFixture } from '../cli.fixture.js';
import { EventServer, ROOT_KEY } from '../event-server.fixture.js';
import { appOf } from './servers.js';

let ingress: EventServer;
let query: EventServer;
let policy: EventServer;
let cli: CliFixture;
const all = () => [ingress, query, policy];

beforeEach(async () => {
  [ingress, query, policy] = [await EventServer.start(), await EventServer.start(), await EventServer.start()];
  query.routes.set('GET /api/v1/meters', { status: 200, body: [] });
  policy.routes.set('GET /api/v1/policies', { status: 200, body: [] });
  for (const server of all()) {
    server.routes.set('GET /health/ready', { status: 200, body: { status: 'ok' } });
    server.routes.set('GET /metrics', { status: 200, body: 'keymeter_events_total 5\n' });
  }
  cli = await CliFixture.open();
});

afterEach(async () => {
  for (const server of all()) await server.stop();
  await cli.close();
});

const addresses = (more: object = {}) =>
  JSON.stringify({ ingress: [ingress.url], query: query.url, policy: [policy.url], pids: { kafka: 1 }, ...more });
const awayUrl = async () => {
  const gone = await EventServer.start();
  const { url } = gone;
  await gone.stop();
  return url;
};
const run = (args: string[], env: Record<string, string> = {}) => cli.run('', args, { env });
const paths = (server: EventServer) => server.requests.map(({ url }) => url.split('?')[0]);

test.each([
  ['POST', '/v2/keys.createKey', 'ingress'],
  ['POST', '/api/v1/events', 'ingress'],
  ['GET', '/api/v1/events', 'query'],
  ['GET', '/api/v1/events/outcomes', 'query'],
  ['GET', '/api/v1/meters/requests/query', 'query'],
  ['GET', '/api/v1/dead-letters', 'query'],
  ['POST', '/api/v1/policies', 'policy'],
  ['DELETE', '/api/v1/enforcements/enf_1', 'policy'],
])('%s %s is for the %s app', (method, path, app) => {
  expect(appOf(method, path)).toBe(app);
});

describe('a cluster', () => {
  test('with the addresses in a file each command asks the app that answers it', async () => {
    await cli.file('addresses.json', addresses());
    await cli.file('events.log', '203.0.113.7 - - [01/Jan/2026:00:00:00 +0000] "GET /a HTTP/1.1" 200 12 "-" "c"\n');
    expect(await run(['policies', 'list', '--cluster', 'addresses.json'])).toMatchObject({ code: 0 });
    expect(await run(['import', 'events.log'], { KEYMETER_CLUSTER: 'addresses.json' })).toMatchObject({ code: 0 });
    await run(['usage'], { KEYMETER_CLUSTER: 'addresses.json' });
    expect(paths(policy)).toEqual(['/api/v1/policies']);
    expect(paths(ingress)[0]).toBe('/api/v1/events');
    expect(paths(query)).toContain('/api/v1/meters/requests/query');
  });

  test('variables of single apps go before the address for the rest, and one that is missing is named', async () => {
    const own = { KEYMETER_POLICY_URL: policy.url };
    expect(await run(['policies', 'list'], { ...own, KEYMETER_URL: ingress.url })).toMatchObject({ code: 0 });
    expect(await run(['policies', 'list'], own)).toEqual({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^keymeter: KEYMETER_INGRESS_URL is missing [^\n]+\n$/),
    });
  });

  test('an address that nobody listens on is passed over for the next one of its app', async () => {
    const env = { KEYMETER_URL: ingress.url, KEYMETER_POLICY_URL: `${await awayUrl()}, ${policy.url}` };
    expect(await run(['policies', 'list'], env)).toMatchObject({ code: 0, stderr: '' });
  });

  test('login keeps all addresses, and the key goes to no other ones', async () => {
    await cli.file('addresses.json', addresses());
    const noKey = { KEYMETER_ROOT_KEY: '' };
    const args = ['login', '--cluster', 'addresses.json'];
    expect(await cli.run('', args, { env: noKey, stdin: `${ROOT_KEY}\n` })).toMatchObject({ code: 0, stderr: '' });
    expect(await run(['policies', 'list'], noKey)).toMatchObject({ code: 0 });
    await cli.file('other.json', addresses({ policy: ingress.url }));
    expect(await run(['policies', 'list', '--cluster', 'other.json'], noKey)).toMatchObject({ code: 4 });
    expect(ingress.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  test('status shows every process, also one that is away, and is 1 then', async () => {
    const gone = await awayUrl();
    await cli.file('addresses.json', addresses({ consumer: [gone] }));
    const { code, stdout } = await run(['status', '--cluster', 'addresses.json']);
    expect(code).toBe(1);
    for (const server of all()) expect(stdout).toMatch(new RegExp(`${server.url} +ready`));
    expect(stdout).toMatch(new RegExp(`consumer +${gone} +unreachable`));
    await cli.file('addresses.json', addresses());
    const shown = await run(['status', '--cluster', 'addresses.json', '--json']);
    expect(shown.code).toBe(0);
    expect(JSON.parse(shown.stdout)).toMatchObject({ ready: true, servers: [{ app: 'ingress' }, {}, {}] });
  });

  test.each([
    ['nothing.json', undefined],
    ['bad.json', '{'],
    ['bad.json', '{"ingress":[]}'],
    ['bad.json', '{"ingress":["ftp://a"],"query":"http://a","policy":"http://a"}'],
  ])('a file %s with %p is one sentence', async (name, content) => {
    if (content !== undefined) await cli.file(name, content);
    expect(await run(['status', '--cluster', name])).toEqual({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^keymeter: [^\n]+\n$/),
    });
  });

  test('--url and --cluster exclude each other', async () => {
    expect((await run(['status', '--cluster', 'a', '--url', 'http://a'])).code).toBe(2);
  });
});
