import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { CliFixture } from '../cli.fixture.js';
import { EventServer, ROOT_KEY } from '../event-server.fixture.js';

let server: EventServer;
let cli: CliFixture;

beforeEach(async () => {
  server = await EventServer.start();
  server.routes.set('GET /api/v1/meters', { status: 200, body: [] });
  server.routes.set('GET /api/v1/policies', { status: 200, body: [] });
  cli = await CliFixture.open();
});

afterEach(async () => {
  await server.stop();
  await cli.close();
});

const noKey = { env: { KEYMETER_ROOT_KEY: '', KEYMETER_URL: '' } };
const login = () => cli.run(server.url, ['login', '--url', server.url], { ...noKey, stdin: `${ROOT_KEY}\n` });

describe('keymeter login', () => {
  test('the key is stored with mode 600, used by later commands, and never printed', async () => {
    const { code, stdout, stderr } = await login();
    expect(code).toBe(0);
    expect(stdout + stderr).not.toContain(ROOT_KEY);
    expect((await stat(cli.path('.keymeter/login.json'))).mode & 0o777).toBe(0o600);
    expect((await cli.run(server.url, ['policies', 'list'], noKey)).stdout).toBe('There are no policies.\n');
    expect(server.requests.at(-1)?.headers.authorization).toBe(`Bearer ${ROOT_KEY}`);
  });

  test('a login file that others can read is refused with what to do', async () => {
    await login();
    await chmod(cli.path('.keymeter/login.json'), 0o640);
    const { code, stderr } = await cli.run(server.url, ['policies', 'list'], noKey);
    expect(code).toBe(4);
    expect(stderr).toContain('chmod 600');
    expect(stderr).not.toContain(ROOT_KEY);
  });

  test('a login again mends the mode of a file that others could read', async () => {
    await login();
    await chmod(cli.path('.keymeter/login.json'), 0o644);
    await login();
    expect((await stat(cli.path('.keymeter/login.json'))).mode & 0o777).toBe(0o600);
  });

  test('a key that the server does not know is not stored', async () => {
    const { code } = await cli.run(server.url, ['login', '--url', server.url], { ...noKey, stdin: 'root_wrong\n' });
    expect(code).toBe(4);
    await expect(readFile(cli.path('.keymeter/login.json'))).rejects.toThrow();
  });

  test('a stored key goes to no other server than the one it was stored for', async () => {
    await login();
    const other = await EventServer.start();
    try {
      const { code, stderr } = await cli.run(other.url, ['policies', 'list', '--url', other.url], noKey);
      expect(code).toBe(4);
      expect(stderr).toContain('keymeter login');
      expect(other.requests[0]?.headers.authorization).toBeUndefined();
    } finally {
      await other.stop();
    }
  });

  test('a damaged login file is one sentence', async () => {
    await login();
    await writeFile(cli.path('.keymeter/login.json'), '{');
    const { code, stderr } = await cli.run(server.url, ['policies', 'list'], noKey);
    expect(code).toBe(4);
    expect(stderr).toMatch(/^keymeter: [^\n]+ is no login file; run keymeter login again\n$/);
  });

  test('the environment goes before the file', async () => {
    await login();
    const env = { KEYMETER_ROOT_KEY: 'root_env', KEYMETER_URL: server.url };
    expect((await cli.run(server.url, ['policies', 'list'], { env })).code).toBe(4);
    expect(server.requests.at(-1)?.headers.authorization).toBe('Bearer root_env');
  });

  test.each(['ftp://host', 'nonsense', 'http://user:secret@host'])('%p is no server', async (url) => {
    expect((await cli.run(server.url, ['status', '--url', url])).code).toBe(2);
  });
});
