import type { PlacedEvent } from '../events/usage-event.js';
import { PolicyEngine } from './engine.js';
import { restoreSnapshot, takeSnapshot } from './engine-snapshot.js';
import { changeEvent, ENFORCEMENT_PAUSED, ENFORCEMENT_RESUMED } from './policy-change.js';
import { eventAt, policyOf, putRow } from './policy-fixture.js';
import { RegroupedEngine } from './regrouped-engine.js';
import { LOG, perAddress, SourceLog } from './regrouped-fixture.js';

function switchRow(type: string, offset: number, time = 0): PlacedEvent {
  const row = changeEvent(type, `w${offset}`, 'all', time, { id: `w${offset}` });
  return { ...row, partition: 0, offset, index: 0, acceptedAt: time };
}

/** Four uses of a key by their own: the fourth decides. */
function crossing(engine: PolicyEngine, keyId: string, offset: number) {
  const uses = [0, 1, 2, 3].map((n) => eventAt(1_000 + n, offset + n, { keyId }));
  return uses.flatMap((event) => engine.apply(event));
}

test('decisions between the rows of a pause are as in shadow, under the ids that they would have had', () => {
  const [paused, acting] = [new PolicyEngine(), new PolicyEngine()];
  for (const engine of [paused, acting]) engine.apply(putRow(policyOf(), 0));
  paused.apply(switchRow(ENFORCEMENT_PAUSED, 1));
  const [meanwhile] = crossing(paused, 'k1', 2);
  const [otherwise] = crossing(acting, 'k1', 2);
  expect(meanwhile).toEqual({ ...otherwise, mode: 'shadow', whilePaused: true });
  paused.apply(switchRow(ENFORCEMENT_RESUMED, 6));
  expect(crossing(paused, 'k2', 7)).toEqual(crossing(acting, 'k2', 7));
});

test('an engine that goes on from a snapshot knows that it is paused', () => {
  const engine = new PolicyEngine();
  engine.apply(putRow(policyOf(), 0));
  engine.apply(switchRow(ENFORCEMENT_PAUSED, 1));
  const restored = restoreSnapshot(takeSnapshot(engine)) as PolicyEngine;
  expect(crossing(restored, 'k1', 2)).toMatchObject([{ mode: 'shadow', whilePaused: true }]);
});

test('what is counted across partitions is paused at the same places of the log, wherever records are cut', () => {
  const log = new SourceLog(0, 1);
  log.put(perAddress());
  const use = (ip: string) => [1_000, 1_001, 1_002, 1_003].map((time) => log.use(time, { ip }));
  use('192.0.2.1');
  log.turn(ENFORCEMENT_PAUSED);
  use('192.0.2.2');
  log.turn(ENFORCEMENT_RESUMED);
  use('192.0.2.3');
  for (const cuts of [[], [2, 5, 8, 11], log.rows.map(({ offset }) => offset)]) {
    const engine = RegroupedEngine.create(LOG);
    const made = log.regroup(cuts).flatMap((record) => engine.apply(record));
    expect(made.map(({ mode, whilePaused }) => [mode, whilePaused])).toEqual([
      ['on', undefined],
      ['shadow', true],
      ['on', undefined],
    ]);
  }
});
