/** Events per second of one policy on one core, in order, over 1,000 keys, with a few targets enforced. */
import { PolicyEngine } from '#domain/policies/engine.js';
import { eventAt, policyOf, putRow } from '#domain/policies/policy-fixture.js';

const START = Date.UTC(2026, 0, 1);
const KEYS = 1_000;

const SHAPES = {
  'count, sliding 1m': {},
  'sum, sliding 1m': { aggregate: 'sum', field: 'data.bytes', threshold: 1e9 },
  'count, calendar hour in Berlin': { window: { calendar: 'hour', timeZone: 'Europe/Berlin' } },
};

export interface ThresholdRate {
  readonly name: string;
  readonly eventsPerSecond: number;
  readonly enforcements: number;
  readonly keptEvents: number;
}

export function thresholdRates(events = 2_000_000): ThresholdRate[] {
  return Object.entries(SHAPES).map(([name, shape]) => measure(name, shape, events));
}

function measure(name: string, shape: Record<string, unknown>, events: number): ThresholdRate {
  const engine = new PolicyEngine();
  // Below it nearly all keys stay; about one in a thousand goes over it.
  engine.apply(putRow(policyOf({ threshold: 1_500, action: { type: 'warn' }, ...shape }), 0));
  let state = 1;
  let enforcements = 0;
  let elapsedMs = 0;
  const batch = 2_000; // about what the pump hands over under load
  for (let done = 0; done < events; done += batch) {
    const list = Array.from({ length: batch }, (_, n) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      const keyId = `key_${state % (KEYS * 2) >= KEYS ? state % KEYS : state % 10_007 < 10 ? 0 : state % KEYS}`;
      return eventAt(START + (done + n) / 20, done + n + 1, { keyId, bytes: state % 4_096 });
    });
    const start = performance.now();
    for (const event of list) enforcements += engine.apply(event).length;
    elapsedMs += performance.now() - start;
  }
  const eventsPerSecond = Math.round((events / elapsedMs) * 1_000);
  return { name, eventsPerSecond, enforcements, keptEvents: engine.keptEvents };
}
