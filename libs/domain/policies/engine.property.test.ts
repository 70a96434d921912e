import fc from 'fast-check';
import type { PlacedEvent } from '../events/usage-event.js';
import type { Enforcement } from './enforcement.js';
import { PolicyEngine } from './engine.js';
import { restoreSnapshot, takeSnapshot } from './engine-snapshot.js';
import { NaiveEngine } from './naive-engine.js';
import { liftEvent } from './policy-change.js';
import { eventAt, policyOf, putRow } from './policy-fixture.js';
import type { ThresholdPolicy } from './threshold-policy.js';

const SEED = Number(process.env.KEYMETER_TEST_SEED ?? 20_260_601);
const LATENESS_MS = 60_000;
/** A quarter of an hour before Berlin's clocks go back. */
const START = Date.UTC(2026, 9, 25, 0, 45);

const windows = [
  '5s',
  '1m',
  '10m',
  { calendar: 'minute', timeZone: 'UTC' },
  { calendar: 'hour', timeZone: 'Europe/Berlin' },
  { calendar: 'day', timeZone: 'Australia/Lord_Howe' },
];
const actions = [{ type: 'warn' }, { type: 'suspend', for: '20s' }, { type: 'suspend', for: '5m' }, { type: 'revoke' }];

const policies = fc.record({
  window: fc.constantFrom(...windows),
  action: fc.constantFrom(...actions),
  sum: fc.boolean(),
  threshold: fc.integer({ min: 0, max: 6 }),
});

/** How far the log's clock moves, how much the event lags (or leads) it, for whom, and how much it measures. */
const steps = fc.array(
  fc.record({
    step: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 4_000 }) }, fc.integer({ min: 0, max: 900_000 })),
    lag: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: -5_000, max: 90_000 })),
    key: fc.constantFrom('a', 'a', 'b'),
    bytes: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom(0.1, 0.2, 0.7, '1.005', -1)),
    lift: fc.integer({ min: 0, max: 9 }),
    crash: fc.boolean(),
  }),
  { minLength: 1, maxLength: 120, size: 'max' },
);

type Generated<A> = A extends fc.Arbitrary<infer T> ? T : never;
type Step = Generated<typeof steps>[number];

function policyFrom({ window, action, sum, threshold }: Generated<typeof policies>): ThresholdPolicy {
  const field = sum ? 'data.bytes' : undefined;
  return policyOf({ window, action, threshold, aggregate: sum ? 'sum' : 'count', field });
}

function eventsFrom(list: readonly Step[]): PlacedEvent[] {
  let now = START;
  return list.map(({ step, lag, key, bytes }, n) => {
    now += step;
    // Offsets leave room for the lift rows between the events.
    return { ...eventAt(now - lag, 2 * n + 1, { keyId: key, bytes }), acceptedAt: now };
  });
}

function liftRow(made: Enforcement, offset: number): PlacedEvent {
  return { ...liftEvent(`l${offset}`, START, made), partition: 0, offset, index: 0, acceptedAt: START };
}

function check(property: fc.IProperty<unknown>, numRuns: number): void {
  console.info(`seed ${SEED}; set KEYMETER_TEST_SEED for another`);
  fc.assert(property as fc.IProperty<unknown>, { seed: SEED, numRuns });
}

describe('the engine', () => {
  test('decides as the naive engine does over late, early and disordered events, with lifts', () => {
    let decisions = 0;
    check(
      fc.property(policies, steps, (shape, list) => {
        const policy = policyFrom(shape);
        const engine = new PolicyEngine({ latenessMs: LATENESS_MS });
        const naive = new NaiveEngine(policy, LATENESS_MS);
        engine.apply(putRow(policy, 0));
        const all: Enforcement[] = [];
        for (const [n, event] of eventsFrom(list).entries()) {
          const made = engine.apply(event);
          const wanted = naive.apply(event);
          all.push(...made);
          expect(made.map(summary)).toEqual(wanted === undefined ? [] : [wanted]);
          const lifted = (list[n] as Step).lift === 0 ? all.at(-1) : undefined;
          if (lifted === undefined) continue;
          engine.apply(liftRow(lifted, 2 * n + 2));
          naive.lift(lifted.target.value, lifted.cause.offset);
        }
        decisions += all.length;
      }) as fc.IProperty<unknown>,
      400,
    );
    expect(decisions).toBeGreaterThan(1_000);
  });

  test('fires first exactly when some window of what has arrived exceeds the threshold', () => {
    check(
      fc.property(fc.integer({ min: 0, max: 6 }), steps, (threshold, list) => {
        const engine = new PolicyEngine({ latenessMs: Infinity });
        engine.apply(putRow(policyOf({ threshold, window: '10s' }), 0));
        const times: number[] = [];
        for (const event of eventsFrom(list)) {
          times.push(event.time);
          const fired = engine.apply({ ...event, data: { keyId: 'a' } }).length > 0;
          const exceeded = times.some((end) => times.filter((it) => it > end - 10_000 && it <= end).length > threshold);
          expect(fired).toBe(exceeded);
          if (fired) return;
        }
      }) as fc.IProperty<unknown>,
      300,
    );
  });

  test('restored from a snapshot after any event it decides the same, with the same ids', () => {
    check(
      fc.property(
        fc.array(policies, { minLength: 1, maxLength: 3 }),
        steps,
        fc.integer({ min: 2, max: 5 }),
        (shapes, list, maxTargets) => {
          const limits = { latenessMs: LATENESS_MS, maxTargets, maxEvents: 20 };
          const start = () => {
            const engine = new PolicyEngine(limits);
            for (const [n, shape] of shapes.entries())
              engine.apply(putRow({ ...policyFrom(shape), id: `pol_${n}` }, 0));
            return engine;
          };
          const undisturbed = start();
          let crashing = start();
          for (const [n, event] of eventsFrom(list).entries()) {
            const made = undisturbed.apply(event);
            expect(crashing.apply(event)).toEqual(made);
            const step = list[n] as Step;
            if (step.lift === 0 && made[0])
              for (const it of [undisturbed, crashing]) it.apply(liftRow(made[0], 2 * n + 2));
            if (!step.crash) continue;
            const restored = restoreSnapshot(takeSnapshot(crashing), limits);
            expect(restored).toBeDefined();
            crashing = restored as PolicyEngine;
            expect(crashing.targets).toBe(undisturbed.targets);
            expect(crashing.keptEvents).toBeLessThanOrEqual(20);
          }
        },
      ) as fc.IProperty<unknown>,
      200,
    );
  });
});

function summary(made: Enforcement) {
  return {
    target: made.target.value,
    cause: made.cause.offset,
    end: made.window.end,
    value: made.value,
    offsets: made.events.map((event) => event.offset),
  };
}
