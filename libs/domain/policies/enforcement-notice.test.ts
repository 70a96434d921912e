import type { PlacedEvent } from '../events/usage-event.js';
import type { Enforcement } from './enforcement.js';
import { noticeOf } from './enforcement-notice.js';
import { PolicyEngine } from './engine.js';
import { changeEvent, ENFORCEMENT_LIFTED, ENFORCEMENT_MADE, ENFORCEMENT_PAUSED, liftEvent } from './policy-change.js';
import { eventAt, policyOf, putRow } from './policy-fixture.js';

const T = Date.UTC(2026, 5, 1, 12);

function enforcement(action: object = { type: 'warn' }): Enforcement {
  const engine = new PolicyEngine();
  engine.apply(putRow(policyOf({ threshold: 0, action }), 0));
  return engine.apply(eventAt(T, 1))[0] as Enforcement;
}

function row(event: object, partition = 0): PlacedEvent {
  return { ...(event as PlacedEvent), partition, offset: 9, index: 0, acceptedAt: T };
}

const madeRow = (made: Enforcement, partition = 3) =>
  row(changeEvent(ENFORCEMENT_MADE, made.id, made.target.value, made.begin, made), partition);

test('a warning is told as a CloudEvent about its target, under the id of the enforcement', () => {
  const made = enforcement();
  expect(noticeOf(madeRow(made))).toEqual({
    specversion: '1.0',
    id: made.id,
    source: 'keymeter/policy',
    type: 'keymeter.enforcement',
    subject: 'k1',
    time: '2026-06-01T12:00:00.000Z',
    datacontenttype: 'application/json',
    data: made,
  });
});

test('a lift, of which every partition has a copy, is told once, under an id that follows from the enforcement', () => {
  const made = enforcement({ type: 'suspend', for: '1h' });
  const lifted = liftEvent('row_1', T + 5, { ...made, lifted: { at: T + 5, by: 'root', reason: 'ours' } });
  const told = [0, 1, 2].map((partition) => noticeOf(row(lifted, partition)));
  expect(told.slice(1)).toEqual([undefined, undefined]);
  expect(told[0]).toMatchObject({ id: `${made.id}/lifted`, subject: 'k1', data: { lifted: { reason: 'ours' } } });
});

test('a pause, of which every partition has a copy, is told once, about all', () => {
  const paused = changeEvent(ENFORCEMENT_PAUSED, 'row_2', 'all', T, { id: 'row_2', at: T, by: 'root', reason: 'ours' });
  const told = [0, 1, 2].map((partition) => noticeOf(row(paused, partition)));
  expect(told.slice(1)).toEqual([undefined, undefined]);
  expect(told[0]).toMatchObject({ id: 'row_2', type: 'keymeter.enforcement.paused', subject: 'all' });
});

test('other events are not told, and a row of that type which names no target is none', () => {
  expect(noticeOf(eventAt(T, 1))).toBeUndefined();
  expect(noticeOf(putRow(policyOf(), 0))).toBeUndefined();
  expect(noticeOf(row(changeEvent(ENFORCEMENT_MADE, 'x', 's', T, { id: 'x' })))).toBeUndefined();
  expect(noticeOf(row(changeEvent(ENFORCEMENT_LIFTED, 'x', 's', T, { id: 'x' })))).toBeUndefined();
});
