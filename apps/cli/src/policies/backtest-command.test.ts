/** `policies backtest` against a server that answers as ours does: progress, reports, an interrupt, wrong usage. */
import { cli, server } from '../cli-with-server.fixture.js';

const PATH = '/api/v1/policies/backtests';
const POLICY = { name: 'calls', match: { type: 'request' }, groupBy: 'keyId' };
const state = (name: string, more: object = {}) => ({
  status: 200,
  body: { id: 'bt_1', state: name, progress: { read: 500, total: 1_000 }, ...more },
});
const REPORT = {
  policy: { id: 'pol_1', name: 'calls', version: 2, contentId: 'c' },
  range: { from: 0, to: 86_400_000 },
  warmUp: { from: 0, events: 7, reachMs: 60_000, complete: true, decisions: 0, note: 'All was there.' },
  events: 1_000,
  eventTime: { first: 0, last: 1_000 },
  passedOver: { late: 3, unmeasured: 0, truncated: 0 },
  decisions: 1,
  digest: 'd',
  subjects: 1,
  actedOn: 1,
  refused: 12,
  pausedAt: null,
  falsePositives: { subjects: 1, list: [{ subject: ['k1'], why: 'allowed', refused: 12, heldMs: 60_000 }] },
  compared: {
    version: 1,
    subjects: 2,
    refused: 40,
    both: 1,
    onlyNew: 0,
    onlyCurrent: 1,
    onlyNewSubjects: [],
    onlyCurrentSubjects: [['k2']],
  },
  top: [
    {
      subject: ['k1'],
      decisions: 1,
      first: 0,
      last: 0,
      highestStage: 0,
      heldMs: 60_000,
      refused: 12,
      acted: true,
      carried: false,
      timeline: [
        {
          id: 'enf_1',
          at: 0,
          until: 60_000,
          stage: 0,
          step: 'suspend',
          value: 4,
          threshold: 3,
          cause: '0:1:0',
          acts: true,
        },
      ],
    },
  ],
};

beforeEach(async () => {
  await cli.file('policy.json', JSON.stringify(POLICY));
  await cli.file('allow.txt', '# partners\nk1\n\nk9\n');
  server.routes.set(`POST ${PATH}`, { ...state('running'), status: 202 });
  server.routes.set(`GET ${PATH}/bt_1`, state('running'));
});

const finish = async () => void server.routes.set(`GET ${PATH}/bt_1`, state('done', { report: REPORT }));

test('it sends policy, range, allow list and tag, shows progress on standard error and the report as a table', async () => {
  const args = [
    'policies',
    'backtest',
    'policy.json',
    '--from',
    '2026-01-31',
    '--allow',
    'allow.txt',
    '--tagged',
    'data.plan=paid=x',
  ];
  const { code, stdout, stderr } = await cli.run(server.url, args, { sleep: finish });
  expect(code).toBe(0);
  expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({
    policy: POLICY,
    from: '2026-01-31T00:00:00Z',
    allow: ['k1', 'k9'],
    tagged: { field: 'data.plan', value: 'paid=x' },
  });
  expect(stderr).toBe(' 50%  500 of 1,000 events\n');
  expect(stdout).toContain('calls, version 2\n');
  expect(stdout).toContain('1,000, after 7 before the range');
  expect(stdout).toContain('1 on 1 subjects, of which 1 held');
  expect(stdout).toMatch(
    /version 1 in force +1 hit by both, 0 only by this one, 1 only by that one; that one refuses 40\n/,
  );
  expect(stdout).toMatch(/should not be hit +1: k1 \(allowed\)\n/);
  expect(stdout).toMatch(/k1 +1 +1970-01-01T00:00:00Z +1m 0s +12 +suspend\n/);
  expect(stdout).toContain('  1970-01-01T00:00:00Z  suspend   until 1970-01-01T00:01:00Z  4 over 3\n');
});

test('--json prints the whole report', async () => {
  const { stdout } = await cli.run(server.url, ['policies', 'backtest', 'policy.json', '--json'], { sleep: finish });
  expect(JSON.parse(stdout)).toEqual({ reports: [REPORT] });
});

test('an interrupt cancels the backtest on the server and says so', async () => {
  const interrupt = new AbortController();
  server.routes.set(`DELETE ${PATH}/bt_1`, { status: 204 });
  const { code, stderr } = await cli.run(server.url, ['policies', 'backtest', 'policy.json'], {
    interrupt: interrupt.signal,
    sleep: async () => interrupt.abort(),
  });
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'keymeter: the backtest was cancelled; nothing has changed\n' });
  expect(server.requests.at(-1)).toMatchObject({ method: 'DELETE', url: `${PATH}/bt_1` });
});

test('why it failed is said, and fails the command', async () => {
  server.routes.set(`GET ${PATH}/bt_1`, state('failed', { reason: 'Stored events cannot be read now.' }));
  const { code, stderr } = await cli.run(server.url, ['policies', 'backtest', 'policy.json']);
  expect({ code, last: stderr.split('\n').at(-2) }).toEqual({
    code: 1,
    last: 'keymeter: Stored events cannot be read now.',
  });
});

test('a tag without a value is wrong usage', async () => {
  const { code, stderr } = await cli.run(server.url, ['policies', 'backtest', 'policy.json', '--tagged', 'data.plan']);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: "keymeter: --tagged wants FIELD=VALUE, such as data.plan=paid, not 'data.plan'\n",
  });
});
