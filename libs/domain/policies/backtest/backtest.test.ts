/** What a backtest says of a policy, over small logs that a reader can follow. */
import type { PlacedEvent } from '../../events/usage-event.js';
import type { JsonObject } from '../../json.js';
import { documentOf } from '../documents/document-fixture.js';
import { PolicyEngine } from '../engine.js';
import type { Policy } from '../policy.js';
import { liftEvent } from '../policy-change.js';
import { eventAt, policyOf, putRow } from '../policy-fixture.js';
import { Backtest, type BacktestOptions } from './backtest.js';
import { type BacktestReport, reportOf } from './backtest-report.js';
import { candidateOf, policyContentId, switchedOn } from './candidate.js';

const START = Date.UTC(2026, 5, 1);
const MINUTE = 60_000;
const LIMITS = { latenessMs: MINUTE };

const at = (second: number, data: JsonObject = { keyId: 'k1' }, offset = second): PlacedEvent =>
  eventAt(START + second * 1_000, offset, data);

function run(
  policy: Policy,
  events: readonly PlacedEvent[],
  { inForce, allowed = [], ...change }: Partial<BacktestOptions> & { inForce?: Policy; allowed?: string[] } = {},
): BacktestReport {
  const options = { limits: LIMITS, from: 0, to: START + 1e9, ...change };
  const backtest = new Backtest(policy, inForce, options);
  backtest.begin(0);
  for (const event of events) backtest.apply(event);
  backtest.end();
  const warmUp = { from: 0, reachMs: MINUTE, complete: true, note: '' };
  return reportOf(backtest, { policy, contentId: policyContentId(policy), allowed: new Set(allowed), warmUp });
}

const seconds = (from: number, to: number, data?: JsonObject) =>
  Array.from({ length: to - from }, (_, n) => at(from + n, data));

test('a subject is reported with every decision, its stage, its end, and the union of its holds', () => {
  const report = run(documentOf(), seconds(0, 200));
  const [top] = report.top;
  // Slow from the fourth call for a minute, then suspended for ten.
  expect(top).toMatchObject({ subject: ['k1'], decisions: 2, heldMs: MINUTE + 10 * MINUTE, highestStage: 1 });
  expect(top?.timeline.map(({ step, at: time, until }) => [step, time - START, (until ?? 0) - START])).toEqual([
    ['slow', 3_000, 63_000],
    ['suspend', 63_000, 663_000],
  ]);
});

test('a suspended subject is refused every request in the time of the hold, a throttled one those above its limit', () => {
  const suspended = run(policyOf(), seconds(0, 30));
  expect(suspended.refused).toBe(26); // the fourth decides; what follows is refused
  const throttle = { type: 'throttle', limit: 2, window: '10s', for: '10m' };
  // Decided at second 3; two pass of each ten seconds that begin at a multiple of ten.
  expect(run(policyOf({ action: throttle }), seconds(0, 30)).refused).toBe(4 + 8 + 8);
});

test('what a verification had refused already is not refused once more', () => {
  const refused = at(20, { keyId: 'k1', outcome: 'RATE_LIMITED' });
  expect(run(policyOf(), [...seconds(0, 10), refused]).refused).toBe(6);
});

test('a warning hits and holds nothing', () => {
  const report = run(policyOf({ action: { type: 'warn' } }), seconds(0, 30));
  expect(report).toMatchObject({ subjects: 1, actedOn: 0, refused: 0 });
  expect(report.top[0]?.heldMs).toBe(0);
});

test('subjects on the allow list and with a tagged event are named as false positives, the one that loses most first', () => {
  const events = [
    ...seconds(0, 10, { keyId: 'free' }),
    ...seconds(0, 20, { keyId: 'paid', plan: 'paid' }),
    ...seconds(0, 30, { keyId: 'partner' }),
    ...seconds(0, 2, { keyId: 'quiet', plan: 'paid' }),
  ];
  const { falsePositives } = run(policyOf(), events, {
    allowed: ['partner'],
    tagged: { field: 'data.plan', value: 'paid' },
  });
  expect(falsePositives.list.map(({ subject, why }) => [subject, why])).toEqual([
    [['partner'], 'allowed'],
    [['paid'], 'tagged'],
  ]);
});

test('beside the version in force it says who is hit by both, only by the new one, only by the one in force', () => {
  const inForce = policyOf({ threshold: 8 });
  const events = [...seconds(0, 12, { keyId: 'hot' }), ...seconds(0, 6, { keyId: 'warm' })];
  const { compared } = run(candidateOf({ ...inputOf(inForce), threshold: 4 }, inForce, 0), events, { inForce });
  expect(compared).toMatchObject({ version: 1, both: 1, onlyNew: 1, onlyCurrent: 0, onlyNewSubjects: [['warm']] });
});

test('the same content as the version in force is compared with nothing and keeps its id and version', () => {
  const inForce = policyOf({ threshold: 8 }, 5);
  const candidate = candidateOf({ ...inputOf(inForce), mode: 'shadow', description: 'other words' }, inForce, 0);
  expect(candidate).toMatchObject({ id: inForce.id, version: 5 });
  expect(run(candidate, seconds(0, 12), { inForce }).compared).toBeNull();
});

test('before the range windows are filled and nothing is reported, but a hold that reaches into it', () => {
  const warm = [...seconds(0, 3), at(100)];
  expect(run(policyOf(), warm, { from: START + 3_000 })).toMatchObject({ decisions: 0, events: 1 });
  // Three before the range and one in it cross the threshold in it.
  expect(run(policyOf(), seconds(0, 4), { from: START + 3_000 })).toMatchObject({ decisions: 1, events: 1 });
  const held = run(policyOf(), seconds(0, 10), { from: START + 5_000 });
  expect(held).toMatchObject({ decisions: 0, subjects: 1, refused: 5, warmUp: { decisions: 1, events: 5 } });
  expect(held.top[0]).toMatchObject({ carried: true, heldMs: 10 * MINUTE - 2_000 });
});

test('a lift of the log ends the hold that it names, in the engine and in what is refused', () => {
  const policy = policyOf();
  const engine = new PolicyEngine(LIMITS);
  engine.apply(putRow(policy, 0, START - 1));
  const [made] = seconds(0, 10).flatMap((event) => engine.apply(event));
  if (!made) throw new Error('nothing was decided');
  const lift = { ...liftEvent('l', START + 9_500, made), ...placeOf(at(10)) };
  expect(run(policy, [...seconds(0, 10), lift, ...seconds(11, 15)]).refused).toBe(6);
});

test('rows of policies that stand in the log change nothing: the version at hand is in force throughout', () => {
  const other = putRow(policyOf({ threshold: 1_000 }, 9), 5, START + 5_000);
  expect(run(policyOf(), [...seconds(0, 5), other, ...seconds(6, 30)]).decisions).toBe(1);
});

test('what the brake stops is told, and refuses nothing', () => {
  const policy = documentOf({ brake: { subjects: 2, share: 0, within: '10m' } });
  const events = ['a', 'b', 'c', 'd'].flatMap((keyId, n) => seconds(n * 10, n * 10 + 8, { keyId }));
  const report = run(policy, events);
  expect(report).toMatchObject({ subjects: 4, actedOn: 2, pausedAt: START + 23_000 });
});

test('decisions are those that live makes, by id and order, of either kind of policy', () => {
  for (const policy of [policyOf({}, 3), documentOf({}, 3)]) {
    const events = ['a', 'b'].flatMap((keyId, n) => seconds(n, 300 + n, { keyId }));
    const engine = new PolicyEngine(LIMITS);
    engine.putPolicy(switchedOn(policy));
    const ids = events.flatMap((event) => engine.apply(event)).map(({ id }) => id);
    const { top } = run(policy, events);
    expect(top.flatMap(({ timeline }) => timeline.map(({ id }) => id)).sort()).toEqual([...ids].sort());
  }
});

function inputOf({ id: _id, version: _v, createdAt: _c, updatedAt: _u, ...input }: ReturnType<typeof policyOf>) {
  return input;
}

function placeOf({ partition, offset, index, acceptedAt }: PlacedEvent) {
  return { partition, offset, index, acceptedAt };
}
