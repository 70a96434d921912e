/**
 * Snapshots of an engine with a million subjects, 30,000 of which have an event between two parts: 10,000 events a second and
 * a part every three seconds.
 */
import { PolicyEngine } from '#domain/policies/engine.js';
import { restoreInto, SnapshotParts, takeSnapshot } from '#domain/policies/engine-snapshot.js';
import { policyOf, withNext } from '#domain/policies/policy-fixture.js';
import { requests } from './requests.js';

const SUBJECTS = 1_000_000;
const BETWEEN_PARTS = 30_000;
const PARTS = 60;
const FILL = 100_000;
const LIMITS = { maxTargets: 2 * SUBJECTS, maxEvents: 100 * SUBJECTS };

export interface MillionSubjects {
  readonly subjects: number;
  readonly wholeMs: number;
  readonly wholeBytes: number;
  readonly partMs: readonly number[];
  readonly storedBytes: number;
  readonly restoreMs: number;
}

export function millionSubjects(): MillionSubjects {
  const engine = new PolicyEngine(LIMITS);
  engine.putPolicy(policyOf({ threshold: 1_000, window: '1h' }));
  const source = requests(SUBJECTS);
  while (engine.targets < 0.99 * SUBJECTS) for (const event of source.take(FILL)) engine.apply(event);
  const [wholeMs, whole] = timed(() => takeSnapshot(engine));
  const parts = new SnapshotParts(engine);
  let stored = withNext([], parts.next());
  const partMs: number[] = [];
  for (let n = 0; n < PARTS; n++) {
    for (const event of source.take(BETWEEN_PARTS)) engine.apply(event);
    const [ms, part] = timed(() => parts.next());
    partMs.push(ms);
    stored = withNext(stored, part);
  }
  const storedBytes = stored.reduce((sum, { length }) => sum + length, 0);
  const [restoreMs, restored] = timed(() => restoreInto(stored, () => new PolicyEngine(LIMITS)));
  if (restored?.engine.targets !== engine.targets) throw new Error('a restored engine must know every subject');
  return { subjects: engine.targets, wholeMs, wholeBytes: whole.length, partMs, storedBytes, restoreMs };
}

function timed<T>(action: () => T): [number, T] {
  const start = performance.now();
  const result = action();
  return [performance.now() - start, result];
}
