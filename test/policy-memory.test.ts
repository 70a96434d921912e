/**
 * Far more subjects than there is room for, none of them ever forgotten by its window: memory stays where it was when the
 * room was full, and who crosses is decided, however long he was laid aside in between.
 *
 * KEYMETER_TEST_SUBJECTS distinct subjects (200,000) with room for a twentieth: the long run is in docs/reliability.md.
 */
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { LmdbSubjectShelves } from '#adapters/lmdb/lmdb-subject-shelves.js';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import type { Enforcement } from '#domain/policies/enforcement.js';
import { PolicyEngine } from '#domain/policies/engine.js';
import { eventAt, policyOf } from '#domain/policies/policy-fixture.js';
import { temporaryFolder } from './support/temp-folder.js';

const SUBJECTS = Number(process.env.KEYMETER_TEST_SUBJECTS ?? 200_000);
const ROOM = SUBJECTS / 20;
/** Every so many subjects one comes back three times, a quarter of the run apart. */
const ONE_IN = 500;
const QUARTER = SUBJECTS / 4;
const START = Date.UTC(2026, 0, 1);
/** What may be added by fragments and caches while nineteen times the room is laid aside: a few bytes for each. */
const SPARE_BYTES = 8 * 1024 * 1024 + 8 * SUBJECTS;
const folder = temporaryFolder('policy-memory');

let offset = 0;
const eventOf = (subject: number, step: number): PlacedEvent =>
  eventAt(START + step, offset++, { keyId: `key ${subject}` });

test('of far more subjects than there is room for nobody who crosses is missed, and memory stays', async () => {
  const shelves = new LmdbSubjectShelves(join(folder, 'shelves'));
  const limits = { maxTargets: ROOM, latenessMs: 0 };
  const engine = new PolicyEngine(limits, () => true, Number.POSITIVE_INFINITY, shelves.make);
  engine.putPolicy(policyOf({ threshold: 3, window: '1d', action: { type: 'suspend', for: '10d' } }));
  const made: Enforcement[] = [];
  const used: number[] = [];
  for (let step = 0; step < SUBJECTS; step++) {
    made.push(...engine.apply(eventOf(step, step)));
    for (const back of [QUARTER, 2 * QUARTER, 3 * QUARTER]) {
      if (step >= back && (step - back) % ONE_IN === 0) made.push(...engine.apply(eventOf(step - back, step)));
    }
    if ((step + 1) % (2 * ROOM) === 0) used.push(usedBytes());
  }
  const [run] = [...engine.runs];
  expect(engine.targets).toBe(SUBJECTS);
  expect(run?.subjects.inMemory).toBeLessThanOrEqual(ROOM);
  const crossed = Array.from({ length: QUARTER / ONE_IN }, (_, n) => `key ${n * ONE_IN}`);
  expect(made.map(({ target }) => target.value)).toEqual(crossed);
  expect(made.every(({ value, eventCount }) => value === 4 && eventCount === 4)).toBe(true);
  const [first = 0] = used;
  expect(Math.max(...used) - first).toBeLessThan(SPARE_BYTES);
  console.info(`${SUBJECTS} subjects, room for ${ROOM}: ${used.map((it) => Math.round(it / 2 ** 20)).join(', ')} MiB`);
  await shelves.close();
}, 3_600_000);

/** Of the heap and of buffers, after a collection. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
