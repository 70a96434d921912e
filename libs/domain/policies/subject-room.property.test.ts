/** Room for few subjects against room for all, over seeded streams: the same decisions, with the same ids. */
import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import type { PlacedEvent } from '../events/usage-event.js';
import { documentOf } from './documents/document-fixture.js';
import type { Enforcement } from './enforcement.js';
import { PolicyEngine } from './engine.js';
import { restoreInto, SnapshotParts } from './engine-snapshot.js';
import { isThreshold } from './grouping.js';
import type { Policy } from './policy.js';
import { liftEvent } from './policy-change.js';
import { eventAt, policyOf, withNext } from './policy-fixture.js';

const START = Date.UTC(2026, 9, 24, 20); // the night in which Berlin gains an hour
const SUBJECTS = 120;
const EVENTS = 8_000;
const LATENESS_MS = 60_000;
const ROOM = { latenessMs: LATENESS_MS, maxTargets: 10, maxEvents: 60 };

const random = randomFrom(drawSeed('subject room'));
const below = (most: number) => Math.floor(random() * most);

const MEASURES = {
  calls: { aggregate: 'count', window: '1m' },
  total: { aggregate: 'sum', of: 'bytes', window: '10m' },
  mean: { aggregate: 'avg', of: 'bytes', window: { calendar: 'hour', timeZone: 'Europe/Berlin' } },
  most: { aggregate: 'max', of: 'bytes', window: '5m' },
  addresses: { aggregate: 'unique', of: 'ip', window: '10m' },
  news: { aggregate: 'fresh', of: 'ip', window: '1h' },
  refused: { aggregate: 'share', of: 'bytes > 60', window: '2m' },
  p90: { aggregate: 'percentile', percentile: 90, of: 'bytes', window: '10m' },
  silence: { aggregate: 'quiet', window: '1d' },
  session: { aggregate: 'count', window: { session: '3m' } },
  usual: { aggregate: 'baseline', of: 'calls', warmUp: '1h', floor: 2 },
};

/** Each measure decides somewhere. */
const WHENS = [
  'calls > 3',
  'total > 400',
  'mean > 80 && most > 99',
  'addresses > 4 && news > 0',
  'refused > 0.6 && calls > 2',
  'p90 > 95 && calls > 1',
  'silence > 400',
  'session > 9',
  'calls > usual',
];

function policies(): Policy[] {
  const ladders = WHENS.map((when, n) =>
    documentOf({
      name: `d${n}`,
      when,
      measures: MEASURES,
      decay: '5m',
      brake: { subjects: 8, share: 0.2, within: '2m' },
    }),
  );
  const sliding = policyOf({ name: 'sliding', action: { type: 'warn' } });
  const sum = policyOf({ name: 'sum', aggregate: 'sum', field: 'data.bytes', threshold: 300, window: '5m' });
  const hour = policyOf({ name: 'hour', threshold: 20, window: { calendar: 'hour', timeZone: 'Europe/Berlin' } });
  return [...ladders, sliding, sum, hour];
}

let now = START;

/** A few busy subjects, many seen now and then; some late, some far too late. */
function drawEvent(n: number): PlacedEvent {
  now += random() < 0.002 ? below(3_600_000) : below(1_500);
  const subject = random() < 0.5 ? below(8) : below(SUBJECTS);
  const time = now - (random() < 0.15 ? below(90_000) : 0);
  const data = { keyId: `key ${subject}`, bytes: below(400) / 4, ip: `10.0.0.${below(9)}` };
  return { ...eventAt(time, n, data), acceptedAt: now };
}

/** Now and then it counts something else from there on. */
function nextVersion(policy: Policy): Policy {
  const version = policy.version + 1;
  if (!isThreshold(policy) || typeof policy.window !== 'string' || random() < 0.5) return { ...policy, version };
  return { ...policy, version, window: `${1 + below(5)}m` };
}

test('an engine with room for 10 of 120 subjects decides as one with room for all, through lifts, versions and restarts', () => {
  const all = new PolicyEngine({ latenessMs: LATENESS_MS });
  let small = new PolicyEngine(ROOM);
  let parts = new SnapshotParts(small);
  let stored: Uint8Array[] = [];
  let most = 0;
  for (const policy of policies()) for (const engine of [all, small]) engine.putPolicy(policy);
  const byPolicy = new Map<string, number>();
  let last: Enforcement | undefined;
  let shelved = 0;
  for (let n = 0; n < EVENTS; n++) {
    const event = drawEvent(n);
    const made = all.apply(event);
    expect(small.apply(event)).toEqual(made);
    for (const { policyName } of made) byPolicy.set(policyName, (byPolicy.get(policyName) ?? 0) + 1);
    last = made.at(-1) ?? last;
    shelved = Math.max(shelved, small.shelved);
    if (last && random() < 0.01) {
      const lift = { ...liftEvent(`l${n}`, now, last), partition: 0, offset: n, index: 1, acceptedAt: now };
      for (const engine of [all, small]) engine.apply(lift);
    }
    if (random() < 0.002) {
      const policy = nextVersion(all.policies[below(all.policies.length)] as Policy);
      for (const engine of [all, small]) engine.putPolicy(policy);
    }
    if (random() < 0.02) {
      stored = withNext(stored, parts.next(undefined, below(6)));
      most = Math.max(most, stored.length);
      if (random() < 0.01) parts.lost();
      const restored = random() < 0.1 && restoreInto(stored, () => new PolicyEngine(ROOM));
      if (restored) ({ engine: small, parts } = restored);
    }
    expect([...small.runs].map(({ targets }) => targets)).toEqual([...all.runs].map(({ targets }) => targets));
  }
  expect(shelved).toBeGreaterThan(500);
  expect(most).toBeGreaterThan(3);
  expect([...byPolicy.keys()].sort()).toEqual(
    policies()
      .map(({ name }) => name)
      .sort(),
  );
});
