import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { documentOf } from './documents/document-fixture.js';
import { PolicyEngine } from './engine.js';
import type { Policy } from './policy.js';
import { changeEvent, ENFORCEMENT_PAUSED } from './policy-change.js';
import { eventAt, policyOf, putRow } from './policy-fixture.js';
import { quotaOf } from './quota.js';
import { QuotaBoard } from './quota-board.js';

const random = randomFrom(drawSeed('quota'));
const below = (most: number) => Math.floor(random() * most);
const DAY = 86_400_000;
const daily = { calendar: 'day', timeZone: 'UTC' };
const calls = { aggregate: 'count', window: daily };
const stop = { action: 'throttle', limit: 0, window: '1m', for: 'window' };
const stages = (...list: object[]) => Object.fromEntries([['then', list]]);
/** Five calls a day. */
const quotaPolicy = (change: Record<string, unknown> = {}, version = 1) =>
  documentOf({ per: 'keyId', measures: { calls }, when: 'calls > 5', ...stages(stop), ...change }, version);

describe('what is a quota', () => {
  const suspend = { type: 'suspend', for: '1d' };
  const warn = { action: 'warn', for: 'window' };
  const hour = { ...stop, for: '1h' };

  test.each<[string, Policy, number]>([
    ['a document: the number its condition names', quotaPolicy(), 5],
    ['one more than which is too many', quotaPolicy({ when: 'calls >= 5' }), 4],
    ['behind warnings', quotaPolicy({ when: 'calls > 3', ...stages(warn, { ...stop, when: 'calls > 5' }) }), 5],
    ['per identity', quotaPolicy({ per: 'identityId' }), 5],
    ['a threshold', policyOf({ window: daily, threshold: 7, action: suspend }), 7],
  ])('%s', (_, policy, limit) => expect(quotaOf(policy)).toMatchObject({ limit, policyId: policy.id }));

  test.each<[string, Policy]>([
    ['what acts on nobody', quotaPolicy({ mode: 'shadow' })],
    ['what acts on some', quotaPolicy({ mode: 'staged', percent: 50 })],
    ['what only warns', quotaPolicy(stages(warn))],
    ['a stage for repeaters', quotaPolicy(stages(warn, stop))],
    ['a sliding window', quotaPolicy({ measures: { calls: { aggregate: 'count', window: '1d' } }, ...stages(hour) })],
    ['several conditions', quotaPolicy({ when: 'calls > 5 && status == 200' })],
    ['other events than requests', quotaPolicy({ match: 'type == "tokens"' })],
    ['all kinds of events', quotaPolicy({ match: 'outcome == "VALID"' })],
    ['per address', quotaPolicy({ per: 'ip' })],
    ['per key and api', quotaPolicy({ per: ['keyId', 'apiId'] })],
    ['a sum', quotaPolicy({ measures: { calls: { aggregate: 'sum', of: 'bytes', window: daily } } })],
    ['a threshold that warns', policyOf({ window: daily, action: { type: 'warn' } })],
    ['a threshold over a sliding minute', policyOf({ action: suspend })],
  ])('not %s', (_, policy) => expect(quotaOf(policy)).toBeUndefined());
});

/** An engine whose every quota is heard by a board. */
class Heard {
  readonly engine = new PolicyEngine();
  readonly board = new QuotaBoard();
  #offset = 0;

  put(policy: Policy): void {
    this.engine.apply(putRow(policy, this.#offset++));
  }

  call(time: number, keyId: string): void {
    this.engine.apply(eventAt(time, this.#offset++, { keyId }));
  }

  /** Used and limit of the first quota of a key. */
  of(keyId: string, now: number) {
    this.board.hear(this.engine.takeQuotas());
    const [first] = this.board.of('key', keyId, now);
    if (first === undefined) return undefined;
    const { used, start, end } = first.standing;
    return { used, limit: first.quota.limit, start, end };
  }
}

test.each<[string, Policy]>([
  ['document', quotaPolicy({ when: 'calls > 1000' })],
  ['threshold', policyOf({ window: daily, threshold: 1_000, action: { type: 'suspend', for: '1d' } })],
])('of a %s each key hears how much of its own window it has used, days apart', (_, policy) => {
  const heard = new Heard();
  heard.put(policy);
  const used = new Map<string, number>();
  for (let n = 0, time = 10 * DAY; n < 3_000; n++) {
    const before = Math.floor(time / DAY);
    time += below(200_000);
    const day = Math.floor(time / DAY);
    if (day !== before) used.clear();
    const key = `k${below(4)}`;
    heard.call(time, key);
    used.set(key, (used.get(key) ?? 0) + 1);
    if (n % 7 !== 0) continue;
    const asked = `k${below(4)}`;
    const start = day * DAY;
    const expected = used.get(asked);
    expect(heard.of(asked, time)).toEqual(expected && { used: expected, limit: 1_000, start, end: start + DAY });
  }
});

test('nothing is shown of a policy that was deleted, switched to shadow or paused, nor to whom it leaves alone', () => {
  const heard = new Heard();
  heard.put(quotaPolicy({ except: [{ value: 'partner' }] }));
  for (const key of ['k1', 'partner']) heard.call(DAY, key);
  expect(heard.of('k1', DAY)).toMatchObject({ used: 1 });
  expect(heard.of('partner', DAY)).toBeUndefined();
  heard.put(quotaPolicy({ mode: 'shadow' }, 2));
  heard.call(DAY, 'k1');
  expect(heard.of('k1', DAY)).toBeUndefined();
  heard.put(quotaPolicy({ when: 'calls > 9' }, 3));
  heard.call(DAY, 'k1');
  expect(heard.of('k1', DAY)).toMatchObject({ used: 3, limit: 9 });
  const pause = changeEvent(ENFORCEMENT_PAUSED, 'p', 'all', DAY, {});
  heard.engine.apply({ ...pause, partition: 0, offset: 99, index: 0, acceptedAt: DAY });
  expect(heard.of('k1', DAY)).toBeUndefined();
});

test('a board knows so many, the ones that moved last, and tells of no window that is over', () => {
  const board = new QuotaBoard(3);
  const quota = { policyId: 'p', policyName: 'daily', per: 'key' as const, limit: 5 };
  const told = (value: string) => ({ policyId: 'p', value, used: 1, start: 0, end: DAY });
  for (const value of ['a', 'b', 'c', 'a', 'd']) board.hear({ quotas: [quota], standings: [told(value)] });
  const known = ['a', 'b', 'c', 'd'].filter((value) => board.of('key', value, DAY - 1).length > 0);
  expect(known).toEqual(['a', 'c', 'd']);
  expect(board.of('key', 'a', DAY)).toEqual([]);
  expect(board.of('identity', 'a', 0)).toEqual([]);
  board.hear({ quotas: [], standings: [told('a')] });
  expect(board.of('key', 'a', 0)).toEqual([]);
});
