import { StateReader, StateWriter } from '../measures/state-bytes.js';
import { eventAt } from '../policy-fixture.js';
import { callsAt, decisions, documentOf, runOf } from './document-fixture.js';
import { isStaged } from './staged.js';

const SECOND_DAY = 86_400_000;
const steps = (found: ReturnType<typeof decisions>) =>
  found.map(({ step, begin }) => [step, (begin - SECOND_DAY) / 1000]);
/** Four calls within four seconds from there on. */
const burst = (second: number) => [0, 1, 2, 3].map((n) => second + n);

test('the event that goes over the threshold decides, and the decision says by how much', () => {
  const found = decisions(runOf(), callsAt(burst(0)));
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({
    policyName: 'test',
    mode: 'on',
    stage: 0,
    step: 'slow',
    action: { type: 'throttle', limit: 1, windowMs: 60_000 },
    target: { per: 'key', value: 'k1' },
    measure: 'calls',
    measures: { calls: 4 },
    value: 4,
    threshold: 3,
    cause: { partition: 0, offset: 3, index: 0 },
    window: { start: SECOND_DAY - 57_000 + 1_000, end: SECOND_DAY + 3_000 },
    begin: SECOND_DAY + 3_000,
    until: SECOND_DAY + 63_000,
  });
});

test('escalation: who offends again after the hold climbs, and stays on the last stage', () => {
  const events = callsAt([...burst(0), ...burst(100), ...burst(800)]);
  expect(steps(decisions(runOf(), events))).toEqual([
    ['slow', 3],
    ['suspend', 103],
    ['suspend', 803],
  ]);
});

test('nothing is decided while a hold lasts, nor in the cool-down after it', () => {
  const events = callsAt([...burst(0), 5, 6, 30, 62, ...burst(64), ...burst(124)]);
  const run = runOf(documentOf({ coolDown: '2m' }));
  expect(steps(decisions(run, events))).toEqual([['slow', 3]]);
  expect(steps(decisions(run, callsAt(burst(190), { keyId: 'k1' }, 50)))).toEqual([['suspend', 193]]);
});

test('decay: each whole decay of good behaviour takes the subject one stage down', () => {
  const run = runOf(documentOf({ decay: '1h' }));
  const decided = (second: number) => steps(decisions(run, callsAt(burst(second), { keyId: 'k1' }, second)));
  expect(decided(0)).toEqual([['slow', 3]]);
  expect(decided(100)).toEqual([['suspend', 103]]);
  expect(decided(103 + 600 + 3_600 + 10)).toEqual([['suspend', 4_316]]);
  expect(decided(4_316 + 600 + 7_200 + 10)).toEqual([['slow', 12_129]]);
});

test('an exception holds for its subject, for what its condition says, and until its date', () => {
  const until = new Date(SECOND_DAY + 60_000).toISOString();
  const except = [{ value: 'k1' }, { when: 'data.plan == "paid"' }, { value: 'k3', until }];
  const of = (data: { keyId: string; plan?: string }, second = 0) =>
    decisions(runOf(documentOf({ except })), callsAt(burst(second), data)).length;
  expect(of({ keyId: 'k1' })).toBe(0);
  expect(of({ keyId: 'k2', plan: 'paid' })).toBe(0);
  expect(of({ keyId: 'k2', plan: 'free' })).toBe(1);
  expect(of({ keyId: 'k3' })).toBe(0);
  expect(of({ keyId: 'k3' }, 70)).toBe(1);
});

test("a new exception ends nobody else's hold, and any other change of what is decided begins afresh", () => {
  const changed = [{ except: [{ value: 'k2' }], owner: 'ops' }, { when: 'calls > 2' }].map((change) => {
    const run = runOf();
    const before = decisions(run, callsAt(burst(0)));
    expect(run.adopts(documentOf(change, 2))).toBe(true);
    return steps([...before, ...decisions(run, callsAt([5], { keyId: 'k1' }, 10))]);
  });
  expect(changed).toEqual([
    [['slow', 3]],
    [
      ['slow', 3],
      ['slow', 5],
    ],
  ]);
});

test('a lift ends the hold; the subject is decided on again only after it has been below the threshold', () => {
  const run = runOf();
  const [first] = decisions(run, callsAt(burst(0)));
  run.lift('k1', first?.cause ?? { partition: 0, offset: -1, index: 0 });
  expect(decisions(run, callsAt([4, 5, 6], { keyId: 'k1' }, 10))).toEqual([]);
  expect(steps(decisions(run, callsAt(burst(200), { keyId: 'k1' }, 20)))).toEqual([['suspend', 203]]);
});

test('a lift of another decision changes nothing', () => {
  const run = runOf();
  decisions(run, callsAt(burst(0)));
  run.lift('k1', { partition: 0, offset: 2, index: 0 });
  expect(decisions(run, callsAt([4, 5, 6], { keyId: 'k1' }, 10))).toEqual([]);
});

describe('modes', () => {
  const keys = Array.from({ length: 400 }, (_, n) => `key-${n}`);
  const events = keys.flatMap((keyId, n) => callsAt(burst(0), { keyId }, n * 10));
  const of = (mode: object) => decisions(runOf(documentOf({ brake: { subjects: 1_000 }, ...mode })), events);

  test('off decides nothing, shadow and on decide the same with the same ids', () => {
    const shadow = of({ mode: 'shadow' });
    expect(of({ mode: 'off' })).toEqual([]);
    expect(shadow).toHaveLength(400);
    expect(shadow.every(({ mode }) => mode === 'shadow')).toBe(true);
    expect(of({ mode: 'on' })).toEqual(shadow.map((it) => ({ ...it, mode: 'on' })));
  });

  test('staged acts on a part of the subjects; those of 10 % are among those of 50 %', () => {
    const acted = (percent: number) =>
      of({ mode: 'staged', percent })
        .filter(({ mode }) => mode === 'on')
        .map(({ target }) => target.value);
    const [tenth, half] = [acted(10), acted(50)];
    expect(tenth.length).toBeGreaterThan(20);
    expect(tenth.length).toBeLessThan(60);
    expect(half.length).toBeGreaterThan(160);
    expect(half.length).toBeLessThan(240);
    expect(tenth.filter((key) => !half.includes(key))).toEqual([]);
    expect(half).toEqual(keys.filter((key) => isStaged('pol_test', key, 50)));
  });
});

describe('the brake', () => {
  const zero = { when: 'calls > 0', brake: { subjects: 20, share: 0.01, within: '10m' } };
  const each = (count: number, second: number, from = 0) =>
    Array.from({ length: count }, (_, n) => callsAt([second], { keyId: `key-${from + n}` }, from + n)).flat();

  test('a policy that would hit more subjects than its brake allows pauses itself, and says so once', () => {
    const found = decisions(runOf(documentOf(zero)), each(10_000, 1));
    expect(found.filter(({ mode }) => mode === 'on').length).toBeLessThanOrEqual(20);
    expect(found.filter(({ paused }) => paused).map(({ target }) => target.value)).toEqual(['key-20']);
    expect(found).toHaveLength(10_000); // the others say what it would have done
  });

  test('one in a hundred of the subjects it knows is allowed, where that is more', () => {
    const run = runOf(documentOf({ ...zero, when: 'calls > 1' }));
    expect(decisions(run, each(10_000, 1))).toEqual([]);
    const found = decisions(run, each(200, 2));
    expect(found.filter(({ mode }) => mode === 'on')).toHaveLength(100);
    expect(found.filter(({ paused }) => paused)).toHaveLength(1);
  });

  test('hits that are older than its period no longer count', () => {
    const run = runOf(documentOf(zero));
    const found = [0, 601, 1_202].flatMap((second, n) => decisions(run, each(20, second, n * 20)));
    expect(found.map(({ mode }) => mode)).toEqual(Array(60).fill('on'));
  });
});

test('a subject of several fields is decided on by all of them and acted on by the first', () => {
  const run = runOf(documentOf({ per: ['ip', 'data.route'] }));
  const [found] = decisions(run, [
    ...callsAt(burst(0), { ip: '10.0.0.1', route: '/a' }).slice(0, 3),
    ...callsAt(burst(0), { ip: '10.0.0.1', route: '/b' }, 10),
  ]);
  expect(found).toMatchObject({ target: { per: 'ip', value: '10.0.0.1' }, subject: ['10.0.0.1', '/b'], value: 4 });
});

test('late events within the lateness count and may decide, later ones are left out', () => {
  const run = runOf(documentOf(), { latenessMs: 10_000 });
  expect(steps(decisions(run, callsAt([50, 20, 41, 42, 44])))).toEqual([['slow', 50]]);
});

test('a revoke does not follow from history, unless the policy says so', () => {
  // biome-ignore lint/suspicious/noThenProperty: a list is no function
  const revoke = { then: [{ action: 'revoke' }] };
  const old = callsAt(burst(0)).map((event) => ({ ...event, acceptedAt: event.time + 7_200_000 }));
  expect(decisions(runOf(documentOf(revoke)), old)).toEqual([]);
  const [found] = decisions(runOf(documentOf({ ...revoke, appliesToLate: true })), old);
  expect(found).toMatchObject({ step: 'revoke', until: null });
});

test('a run that was written and read goes on as the one that was not', () => {
  const document = documentOf({
    measures: {
      calls: { aggregate: 'count', window: '1m' },
      ips: { aggregate: 'unique', of: 'ip', window: '5m' },
      usual: { aggregate: 'baseline', of: 'calls', warmUp: '1h' },
    },
    when: 'calls > 3 && (ips > 2 || calls > 2 * usual)',
    brake: { subjects: 3 },
  });
  const events = Array.from({ length: 3_000 }, (_, n) =>
    eventAt(SECOND_DAY + n * 1_500, n, { keyId: `k${(n * 7) % 5}`, ip: `10.0.0.${(n * n) % 11}` }),
  );
  const whole = decisions(runOf(document), events);
  expect(whole.length).toBeGreaterThan(5);
  let run = runOf(document);
  const parts = events.flatMap((event, n) => {
    if (n % 97 === 0) {
      const out = new StateWriter();
      run.writeHead(out);
      run.subjects.parts.writeAll(out);
      run = runOf(document);
      const from = new StateReader(Buffer.from(out.bytes()));
      run.readHead(from);
      run.subjects.restore([from]);
    }
    return run.apply(event) ?? [];
  });
  expect(parts).toEqual(whole);
});

test('verifications count, which keymeter itself records; other rows of its own never do, whatever the condition', () => {
  const run = runOf(documentOf({ match: 'keyId == "k1"' }));
  const from = (source: string, type: string) => callsAt(burst(0)).map((event) => ({ ...event, source, type }));
  expect(decisions(run, from('keymeter/ingress/ingress-1', 'keymeter.credits'))).toEqual([]);
  expect(steps(decisions(run, from('keymeter/ingress/ingress-1', 'request')))).toEqual([['slow', 3]]);
});
