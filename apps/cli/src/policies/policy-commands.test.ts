/** `policies check` and `policies test`: no server is asked. */
import { CliFixture } from '../cli.fixture.js';

const NO_SERVER = 'http://127.0.0.1:1';
const POLICY = `kind: Policy
apiVersion: keymeter/v1
name: calls
match: type == "request"
per: keyId
measures:
  calls: {aggregate: count, window: 1m}
when: calls > 2
then:
  - {action: suspend, for: 1h}
tests:
  - name: the third call
    given: [{repeat: 3, data: {keyId: k1}}]
    expect: [{action: suspend, subject: k1, at: 2s}]
  - name: two calls
    given: [{repeat: 2, data: {keyId: k1}}]
    expect: []
`;

let cli: CliFixture;
beforeAll(async () => {
  cli = await CliFixture.open();
});
afterAll(() => cli.close());

test('check describes a sound policy, its buckets and its costs', async () => {
  await cli.file('sound.yaml', POLICY);
  const { code, stdout, stderr } = await cli.run(NO_SERVER, ['policies', 'check', 'sound.yaml']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('calls (shadow), per keyId\n  calls: count in 1m, as 60 buckets of 1 s\n');
  expect(stdout).toMatch(/state: \d+ bytes a subject/);
});

test('check names file, line, column, path and reason of each fault, and fails', async () => {
  await cli.file('broken.yaml', POLICY.replace('window: 1m', 'windw: 1m'));
  const { code, stderr } = await cli.run(NO_SERVER, ['policies', 'check', 'broken.yaml']);
  expect(code).toBe(1);
  expect(stderr).toContain('broken.yaml:7:');
  expect(stderr).toContain('measures.calls.windw is not known here; did you mean "window"?');
});

test('one name in two files is a fault', async () => {
  await cli.file('sound.yaml', POLICY);
  await cli.file('twin.yaml', POLICY);
  const { code, stderr } = await cli.run(NO_SERVER, ['policies', 'check', 'sound.yaml', 'twin.yaml']);
  expect(code).toBe(1);
  expect(stderr).toContain('twin.yaml:1:1 name a policy called "calls" is in sound.yaml:1 as well');
});

test('test runs the examples, and a failing one shows what was expected and found, and fails', async () => {
  await cli.file('sound.yaml', POLICY);
  await cli.file('wrong.yaml', POLICY.replace('calls > 2', 'calls > 3'));
  const sound = await cli.run(NO_SERVER, ['policies', 'test', 'sound.yaml']);
  expect(sound).toMatchObject({ code: 0, stderr: '' });
  expect(sound.stdout).toBe('pass  calls: the third call\npass  calls: two calls\n2 passed, 0 failed\n');
  const wrong = await cli.run(NO_SERVER, ['policies', 'test', 'wrong.yaml']);
  expect(wrong.code).toBe(1);
  expect(wrong.stdout).toContain(
    'FAIL  calls: the third call\n      expected suspend k1 at 2s\n      found    nothing\n',
  );
});

test('without a file both say what they want', async () => {
  expect(await cli.run(NO_SERVER, ['policies', 'check'])).toMatchObject({
    code: 2,
    stderr: 'keymeter: policies check wants one or more files\n',
  });
});
