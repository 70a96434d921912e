/**
 * Peers, sentence 7: of several active rungs the highest holds; a policy whose threshold is set to 0 on 10,000 active keys acts
 * on at most max(20, 1 %) in 10 minutes, then pauses itself and says so.
 */
import { enforcementOf } from '#contracts/enforcement-store.contract.js';
import { strongest } from '#domain/keys/verdict.js';
import { documentOf } from '#domain/policies/documents/document-fixture.js';
import { DocumentRun } from '#domain/policies/documents/document-run.js';
import { eventAt } from '#domain/policies/policy-fixture.js';

const START = Date.UTC(2026, 0, 5);
const MINUTES = 60_000;

function actedOn(keys: number): { acted: number; pauses: number; after: number } {
  const once = { calls: { aggregate: 'count', window: '1h' } };
  const run = new DocumentRun(documentOf({ measures: once, when: 'calls > 1000000' }));
  let offset = 0;
  const call = (key: number, time: number) => run.apply(eventAt(time, offset++, { keyId: `k${key}` }));
  for (let key = 0; key < keys; key++) call(key, START);
  run.adopts(documentOf({ measures: once, when: 'calls > 0' }, 2));
  const spread = (key: number) => START + Math.floor((key * 10 * MINUTES) / keys);
  const made = Array.from({ length: keys }, (_, key) => call(key, spread(key))).filter((it) => it !== undefined);
  const later = Array.from({ length: 100 }, (_, key) => call(keys + key, START + 60 * MINUTES));
  return {
    acted: made.filter(({ mode }) => mode === 'on').length,
    pauses: made.filter(({ paused }) => paused).length,
    after: later.filter((it) => it?.mode === 'on').length,
  };
}

test('a threshold of 0 on 10,000 active keys acts on 100 in ten minutes, says once that it pauses, and acts on nobody after', () => {
  expect(actedOn(10_000)).toEqual({ acted: 100, pauses: 1, after: 0 });
});

test('on few keys it acts on 20', () => {
  expect(actedOn(500)).toEqual({ acted: 20, pauses: 1, after: 0 });
});

test('of several active rungs the highest holds, in whatever order they were decided', () => {
  const rungs = (['warn', 'suspend', 'revoke'] as const).map((type) =>
    enforcementOf(`enf_${type}`, START, { action: { type } }),
  );
  const throttle = enforcementOf('enf_throttle', START, { action: { type: 'throttle', limit: 1, windowMs: 1_000 } });
  for (const [upTo, highest] of [
    [2, 'enf_suspend'],
    [3, 'enf_revoke'],
    [1, 'enf_throttle'],
  ] as const) {
    const active = [throttle, ...rungs.slice(0, upTo)];
    expect(strongest(active)?.id).toBe(highest);
    expect(strongest([...active].reverse())?.id).toBe(highest);
  }
});
