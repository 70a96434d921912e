/**
 * Peers, sentence 11: saving a policy returns state per key and events/s on yesterday's log, and names every pair that could
 * hold one key at two rungs; over budget is refused.
 */
import { join } from 'node:path';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { KeymeterError } from '#domain/errors.js';
import { eventAt, policyOf } from '#domain/policies/policy-fixture.js';
import type { Clock } from '#ports/clock.js';
import { PolicyBudget } from '../../apps/policy/src/policies/policy-budget.js';
import { PolicyCheck } from '../../apps/policy/src/policies/policy-check.js';
import { hotDocument } from '../support/hot-document.js';
import { PolicyApi } from '../support/policy-api.js';
import { temporaryFolder } from '../support/temp-folder.js';

const folder = temporaryFolder('cost-and-conflicts');
let api: PolicyApi;

beforeAll(async () => {
  api = await PolicyApi.open(join(folder, 'api'));
  for (let n = 0; n < 30; n++) await api.use(`k${n % 3}`, `e${n}`);
});
afterAll(() => api.close());

const threshold = (name: string, change = {}) => ({
  name,
  match: { type: 'request', data: { outcome: { eq: 'VALID' } } },
  groupBy: 'keyId',
  aggregate: 'count',
  window: '1m',
  threshold: 100,
  action: { type: 'suspend', for: '1m' },
  ...change,
});

const document = { ...hotDocument, name: 'document', mode: 'shadow' };

test('saving a policy returns its state per key over the last day of the log', async () => {
  const { checkup } = await api.data('POST', '/policies', document);
  expect(checkup.bytesPerKey).toBeGreaterThan(200);
  expect(checkup.sample).toEqual({ events: 30, matched: 30, keys: 3, decisions: 3 });
});

test('every pair that could hold one key at two rungs is named, of either kind of policy, and no other', async () => {
  await api.data('POST', '/policies', threshold('valid'));
  await api.data('POST', '/policies', threshold('elsewhere', { groupBy: 'ip' }));
  await api.data(
    'POST',
    '/policies',
    threshold('refused', { match: { type: 'request', data: { outcome: { eq: 'NOT_FOUND' } } } }),
  );
  await api.data('POST', '/policies', threshold('warning', { action: { type: 'warn' } }));
  const { checkup } = await api.data('POST', '/policies', threshold('second'));
  expect(checkup.conflicts).toEqual([
    { first: 'second', second: 'document', per: 'keyId' },
    { first: 'second', second: 'valid', per: 'keyId' },
  ]);
});

test('a policy is saved while the usage store is away, and told less of', async () => {
  const away = () => Promise.reject(new KeymeterError('STORE_UNAVAILABLE', 'away', { retryable: true }));
  const check = new PolicyCheck({ newest: away, idsAt: away, eventsOf: away }, new ManualClock());
  expect(await check.demand(policyOf(), [])).toMatchObject({ sample: null, eventsPerSecond: null, conflicts: [] });
});

test('a policy over the budget of state or of speed is refused with both figures, and one within it is told its events/s', async () => {
  const clock = new ManualClock();
  const events = Array.from({ length: 5_000 }, (_, n) => eventAt(clock.now() - n, n));
  const lookup = { newest: async () => events, idsAt: async () => [], eventsOf: async () => [] };
  // Each look at the clock is two milliseconds later: five parts of a thousand events take ten.
  const slow = {
    now: () => clock.now(),
    monotonic: () => {
      clock.advance(2);
      return clock.now();
    },
  } as Clock;
  const check = (bytes: number, speed: number) =>
    new PolicyCheck(lookup, slow, new PolicyBudget(bytes, speed)).demand(policyOf({ threshold: 90_000 }), []);
  expect(await check(1_000_000, 400_000)).toMatchObject({ eventsPerSecond: 500_000, sample: { matched: 5_000 } });
  await expect(check(1_000, 0)).rejects.toMatchObject({
    status: 400,
    options: { errors: [{ message: expect.stringMatching(/takes \d+ bytes for each key, and 1000 are allowed/) }] },
  });
  await expect(check(1_000_000, 600_000)).rejects.toMatchObject({
    options: { errors: [{ message: 'manages 500000 events/s, and 600000 are asked for' }] },
  });
});
