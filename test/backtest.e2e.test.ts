/** A backtest over the events that live has decided on makes the decisions that live made, under the same ids. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BacktestReport } from '#domain/policies/backtest/backtest-report.js';
import { HttpCaller } from './crash/http-caller.js';
import { startCli } from './support/cli-process.js';
import { eventually } from './support/eventually.js';
import { startStandalone } from './support/standalone.js';
import { temporaryFolder } from './support/temp-folder.js';

const folder = temporaryFolder('backtest');
const KEYS = 6;
const START = Date.now() - 20 * 60_000;
const events = (repeat: number) => [{ repeat, every: '10s', data: { keyId: 'k' } }];

const LADDER = {
  kind: 'Policy',
  apiVersion: 'keymeter/v1',
  name: 'ladder',
  mode: 'on',
  match: 'type == "call"',
  per: 'keyId',
  measures: { calls: { aggregate: 'count', window: '1m' }, addresses: { aggregate: 'unique', of: 'ip', window: '5m' } },
  when: 'calls > 4 || addresses > 3',
  // biome-ignore lint/suspicious/noThenProperty: a list is no function
  then: [
    { action: 'slow', limit: 1, window: '1m', for: '1m' },
    { action: 'suspend', for: '2m' },
  ],
  tests: [
    { name: 'five', given: events(5), expect: [{ action: 'slow', subject: 'k' }] },
    { name: 'two', given: events(2), expect: [] },
  ].map((test) => ({ ...test, given: test.given.map((it) => ({ ...it, type: 'call' })) })),
};

const THRESHOLD = {
  name: 'bytes',
  match: { type: 'call' },
  groupBy: 'keyId',
  aggregate: 'sum',
  field: 'data.bytes',
  window: '2m',
  threshold: 900.5,
  action: { type: 'suspend', for: '90s' },
  mode: 'on',
};

interface Decided {
  readonly id: string;
  readonly acceptedAt: number;
}

/** Twenty minutes of calls, in the order of their times, some late. */
function calls(): object[] {
  return Array.from({ length: 1_500 }, (_, n) => {
    const late = n % 17 === 0 ? 45_000 : 0;
    const data = { keyId: `key ${(n * n) % KEYS}`, ip: `10.0.0.${(n * 7) % 9}`, bytes: 20 + (n % 40) / 8 };
    const time = new Date(START + n * 800 - late).toISOString();
    return { specversion: '1.0', id: `call ${n}`, source: 'test', type: 'call', subject: 's', time, data };
  });
}

test('the same enforcement ids, from the beginning and from the middle, by API and command line; what was sent twice counts once', async () => {
  const standalone = await startStandalone({ dataDir: join(folder, 'data'), timeoutMs: 300_000 });
  const http = new HttpCaller(standalone.url, standalone.rootKey);
  const policies = [LADDER, THRESHOLD];
  for (const policy of policies) await http.demand('POST', '/api/v1/policies', policy);
  const all = calls();
  const send = (batch: object[]) =>
    fetch(`${standalone.url}/api/v1/events`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${standalone.rootKey}`,
        'content-type': 'application/cloudevents-batch+json',
        prefer: 'return=representation',
      },
      body: JSON.stringify(batch),
    }).then((answer) => answer.text());
  for (let first = 0; first < all.length; first += 250) await send(all.slice(first, first + 250));
  await send(all.slice(100, 300));

  const decided = async (policy: string): Promise<Decided[]> =>
    (await http.demand('GET', `/api/v1/enforcements?policy=${policy}&limit=1000`)).items;
  const live = async (policy: string) => (await decided(policy)).map(({ id }) => id);
  for (const policy of policies) {
    await eventually(async () => {
      const report = await backtest(http, policy);
      expect(report.events).toBe(all.length);
      const ids = idsOf(report);
      expect(ids).toHaveLength(report.decisions);
      expect(ids.length).toBeGreaterThan(8);
      expect((await live(policy.name)).sort()).toEqual(ids);
    }, 120_000);
    const made = (await decided(policy.name)).sort((a, b) => a.acceptedAt - b.acceptedAt);
    const from = made[Math.floor(made.length / 2)]?.acceptedAt ?? 0;
    const later = made.filter(({ acceptedAt }) => acceptedAt >= from).map(({ id }) => id);
    const report = await backtest(http, policy, { from: new Date(from).toISOString() });
    expect([report.decisions, report.warmUp.events + report.events]).toEqual([later.length, all.length]);
    expect(later.length).toBeLessThan(made.length);
    expect(idsOf(report)).toEqual(expect.arrayContaining(later));
  }

  const file = join(folder, 'policies.json');
  writeFileSync(file, JSON.stringify(THRESHOLD));
  const { url, rootKey } = standalone;
  const json = await startCli(folder, { url, rootKey }, ['policies', 'backtest', file, '--json']).ended;
  expect(json).toMatchObject({ code: 0 });
  const [report] = (JSON.parse(json.stdout) as { reports: BacktestReport[] }).reports;
  expect(report && idsOf(report)).toEqual((await live('bytes')).sort());
  const text = await startCli(folder, { url, rootKey }, ['policies', 'backtest', file, '--tagged', 'ip=10.0.0.1'])
    .ended;
  expect(text.stdout).toContain('bytes, version 1\n');
  expect(text.stdout).toMatch(/requests refused\s+\d+/);
  expect(text.stdout).toMatch(/key \d +\d+ +\S+Z +\d+m \d+s/);
  expect(text.stdout).toMatch(/should not be hit\s+2: key \d \(tagged\)/);
  await http.close();
  await standalone.end();
}, 600_000);

async function backtest(http: HttpCaller, policy: object, range: object = {}): Promise<BacktestReport> {
  const { id } = await http.demand('POST', '/api/v1/policies/backtests', { policy, ...range });
  let state = await http.demand('GET', `/api/v1/policies/backtests/${id}`);
  await eventually(async () => {
    state = await http.demand('GET', `/api/v1/policies/backtests/${id}`);
    expect(state.state).not.toBe('running');
  }, 120_000);
  expect(state).toMatchObject({ state: 'done' });
  return state.report;
}

function idsOf({ top }: BacktestReport): string[] {
  return top.flatMap(({ timeline }) => timeline.map(({ id }) => id)).sort();
}
