/**
 * A version without a backtest report cannot go to shadow, nor act without shadow; a backtest, shadow, staged and on make
 * decisions with the same ids over the same log; who is staged at 10 % is staged at 50 %.
 */
import { Backtest } from '#domain/policies/backtest/backtest.js';
import { reportOf } from '#domain/policies/backtest/backtest-report.js';
import { policyContentId } from '#domain/policies/backtest/candidate.js';
import { callsAt, documentOf } from '#domain/policies/documents/document-fixture.js';
import type { DocumentPolicy } from '#domain/policies/documents/document-policy.js';
import { isStaged } from '#domain/policies/documents/staged.js';
import { PolicyEngine } from '#domain/policies/engine.js';
import { policyOf } from '#domain/policies/policy-fixture.js';
import { gateFault } from '#domain/policies/policy-gate.js';
import { drawSeed, randomFrom } from '../support/seed.js';

const random = randomFrom(drawSeed('backtest, shadow, staged, on'));
const inMode = (mode: string, change: object = {}, version = 1): DocumentPolicy =>
  documentOf({ mode, ...(mode === 'staged' ? { percent: 10 } : {}), ...change }, version);
const never = () => false;
const always = () => true;

describe('the gate', () => {
  test.each([
    ['document', inMode],
    ['threshold', (mode: string) => policyOf({ mode })],
  ] as const)('a %s without a report is refused for every mode that decides', (_kind, make) => {
    for (const mode of ['shadow', 'on'] as const) {
      expect(gateFault(make(mode), undefined, never)).toBe('needs_backtest');
      expect(gateFault(make(mode), undefined, always)).toBe(mode === 'shadow' ? undefined : 'needs_shadow');
    }
  });

  test('off is always taken, and lets nothing by later', () => {
    expect(gateFault(inMode('off'), undefined, never)).toBeUndefined();
    expect(gateFault(inMode('on'), inMode('off'), always)).toBe('needs_shadow');
    expect(gateFault(inMode('shadow'), inMode('off'), never)).toBe('needs_backtest');
  });

  test('from shadow the same content goes to staged and on, and back', () => {
    for (const mode of ['staged', 'on', 'shadow']) {
      expect(gateFault(inMode(mode), inMode('shadow'), never)).toBeUndefined();
      expect(gateFault(inMode(mode, { owner: 'somebody else' }), inMode('on'), never)).toBeUndefined();
    }
  });

  test('a change of what decides begins anew, whatever was on before', () => {
    const changed = { when: 'calls > 4' };
    expect(gateFault(inMode('on', changed), inMode('on'), never)).toBe('needs_backtest');
    expect(gateFault(inMode('on', changed), inMode('on'), always)).toBe('needs_shadow');
    expect(gateFault(inMode('shadow', changed), inMode('on'), always)).toBeUndefined();
  });

  test('a report counts for its own content only', () => {
    const reported = new Set([policyContentId(inMode('off'))]);
    const isBacktested = (contentId: string) => reported.has(contentId);
    expect(gateFault(inMode('shadow'), undefined, isBacktested)).toBeUndefined();
    expect(gateFault(inMode('shadow', { decay: '2d' }), undefined, isBacktested)).toBe('needs_backtest');
  });
});

test('a backtest, shadow, staged and on make the same ids of decisions in the same order', () => {
  const events = callsAt(Array.from({ length: 3_000 }, (_, n) => n)).map((event) => ({
    ...event,
    data: { keyId: `k${Math.floor(random() ** 2 * 12)}` },
  }));
  const brake = { subjects: 1_000, share: 1, within: '10m' };
  const idsOf = (policy: DocumentPolicy) => {
    const engine = new PolicyEngine();
    engine.putPolicy(policy);
    return events.flatMap((event) => engine.apply(event)).map(({ id }) => id);
  };
  const shadow = idsOf(inMode('shadow', { brake }));
  expect(shadow.length).toBeGreaterThan(20);
  expect(idsOf(inMode('staged', { brake }, 2))).toEqual(shadow);
  expect(idsOf(inMode('on', { brake }, 3))).toEqual(shadow);
  const policy = inMode('shadow', { brake });
  const backtest = new Backtest(policy, undefined, { from: 0, to: 1e12 });
  backtest.begin(0);
  for (const event of events) backtest.apply(event);
  const warmUp = { from: 0, reachMs: 0, complete: true, note: '' };
  const { top, decisions } = reportOf(backtest, { policy, contentId: '', allowed: new Set(), warmUp });
  expect(decisions).toBe(shadow.length);
  expect(top.flatMap(({ timeline }) => timeline.map(({ id }) => id)).sort()).toEqual([...shadow].sort());
});

test('who is staged at 10 % is staged at 50 %, and about so many are', () => {
  const subjects = Array.from({ length: 20_000 }, () => `key_${Math.floor(random() * 2 ** 40).toString(36)}`);
  const at = (percent: number) => new Set(subjects.filter((subject) => isStaged('pol_1', subject, percent)));
  const [ten, fifty] = [at(10), at(50)];
  expect([...ten].filter((subject) => !fifty.has(subject))).toEqual([]);
  expect(ten.size / subjects.length).toBeCloseTo(0.1, 1);
  expect(fifty.size / subjects.length).toBeCloseTo(0.5, 1);
});
