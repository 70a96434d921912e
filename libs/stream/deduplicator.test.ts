import type { Fate, SeenIdentity } from '#domain/events/deduplication.js';
import { identityHash } from '#domain/events/hash53.js';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import { drawSeed, randomFrom } from '../../test/support/seed.js';
import { Deduplicator } from './deduplicator.js';

const DAY = 86_400_000;
const WINDOW = 35 * DAY;

/** What the store would hold: filled only when a range is committed, as the consumer does. */
class StoredEvents {
  readonly rows: (SeenIdentity & { hash: number })[] = [];
  lookUps = 0;

  async withHashes(hashes: readonly number[]): Promise<SeenIdentity[]> {
    this.lookUps++;
    const wanted = new Set(hashes);
    return this.rows.filter((row) => wanted.has(row.hash));
  }

  async *identityHashes(): AsyncIterable<readonly number[]> {
    yield this.rows.map((row) => row.hash);
  }

  store(event: PlacedEvent): void {
    this.rows.push({ ...event, hash: event.idHash });
  }
}

function event(offset: number, id: string, acceptedAt: number, more: Partial<PlacedEvent> = {}): PlacedEvent {
  return {
    partition: 0,
    offset,
    index: 0,
    acceptedAt,
    id,
    source: 's',
    type: 't',
    subject: 'u',
    time: acceptedAt,
    data: null,
    idHash: identityHash('s', id),
    fingerprint: 1,
    ...more,
  };
}

test('a repeat is a duplicate, with another payload a conflict, and the first stands', async () => {
  const dedupe = new Deduplicator(new StoredEvents());
  const fates = await dedupe.decide([
    event(0, 'a', 0),
    event(1, 'a', 1),
    event(2, 'a', 2, { fingerprint: 2 }),
    event(3, 'b', 3),
  ]);
  expect(fates).toEqual(['accepted', 'duplicate', 'conflict', 'accepted']);
});

test('after the window an id counts anew, unless the event itself is older than the window', async () => {
  const stored = new StoredEvents();
  stored.store(event(0, 'a', 0));
  stored.store(event(1, 'old', 0));
  const dedupe = new Deduplicator(stored);
  await dedupe.load();
  const fates = await dedupe.decide([
    event(2, 'a', WINDOW - 1),
    event(3, 'a', WINDOW + DAY),
    event(4, 'old', WINDOW + DAY, { time: DAY / 2 }),
  ]);
  expect(fates).toEqual(['duplicate', 'accepted', 'duplicate']);
});

test('a replayed range decides the same again, although its rows may be stored already', async () => {
  const stored = new StoredEvents();
  const events = [event(0, 'a', 0), event(1, 'a', 1), event(2, 'b', 2)];
  const first = new Deduplicator(stored);
  const before = await first.decide(events);
  for (const [i, e] of events.entries()) if (before[i] === 'accepted') stored.store(e);
  const second = new Deduplicator(stored);
  await second.load();
  expect(await second.decide(events)).toEqual(before);
});

test('ids that are unique by construction cost no look-up', async () => {
  const stored = new StoredEvents();
  const dedupe = new Deduplicator(stored);
  const fates = await dedupe.decide([event(0, 'x', 0, { idHash: 0 }), event(1, 'x', 0, { idHash: 0 })]);
  expect(fates).toEqual(['accepted', 'accepted']);
  expect(stored.lookUps).toBe(0);
});

test('over random streams, batch cuts, commits and restarts the fates equal those of a plain list', async () => {
  const random = randomFrom(drawSeed('deduplicator'));
  for (let run = 0; run < 30; run++) {
    const stored = new StoredEvents();
    let dedupe = new Deduplicator(stored, { recentIds: 5 });
    const accepted: PlacedEvent[] = [];
    const pending: PlacedEvent[] = [];
    let offset = 0;
    let now = 0;
    for (let batch = 0; batch < 20; batch++) {
      const events = Array.from({ length: Math.floor(random() * 8) }, () => {
        now += Math.floor(random() * DAY * 3);
        const late = random() < 0.2 ? -WINDOW - DAY : 0;
        return event(offset++, `e${Math.floor(random() * 12)}`, now, {
          fingerprint: random() < 0.8 ? 1 : 2,
          time: now + late,
        });
      });
      const fates = await dedupe.decide(events);
      events.forEach((e, i) => {
        expect(fates[i]).toBe(naiveFate(e, accepted));
        if (fates[i] === 'accepted') {
          accepted.push(e);
          pending.push(e);
        }
      });
      if (random() < 0.5) {
        for (const e of pending.splice(0)) stored.store(e);
        dedupe.committed(0, offset);
      }
      if (random() < 0.1 && pending.length === 0) {
        dedupe = new Deduplicator(stored, { recentIds: 5 });
        await dedupe.load();
      }
    }
  }
});

function naiveFate(event: PlacedEvent, accepted: readonly PlacedEvent[]): Fate {
  const old = event.time < event.acceptedAt - WINDOW;
  const first = accepted.find((e) => e.id === event.id && (old || e.acceptedAt >= event.acceptedAt - WINDOW));
  if (!first) return 'accepted';
  return first.fingerprint === event.fingerprint ? 'duplicate' : 'conflict';
}

test('ids of a partition that went elsewhere before it was stored do not keep younger ones from being forgotten', async () => {
  const stored = new StoredEvents();
  const dedupe = new Deduplicator(stored, { recentIds: 1 });
  await dedupe.decide([event(0, 'gone', 0, { partition: 1 })]);
  const here = [event(0, 'a', 0), event(1, 'b', 1)];
  await dedupe.decide(here);
  for (const it of here) stored.store(it);
  dedupe.handedOver(1);
  dedupe.committed(0, 2);
  stored.lookUps = 0;
  expect(await dedupe.decide([event(2, 'a', 2)])).toEqual(['duplicate']);
  expect(stored.lookUps).toBe(1); // forgotten here, found in the store
  await dedupe.load(1);
  expect(await dedupe.decide([event(0, 'gone', 3, { partition: 1 })])).toEqual(['accepted']);
});

test('a repeat of an id that is forgotten while the store is asked about another one is a duplicate all the same', async () => {
  const stored = new StoredEvents();
  stored.store(event(0, 'older', 0));
  const dedupe = new Deduplicator(stored, { recentIds: 1 });
  await dedupe.load();
  const [first, next] = [event(1, 'a', 1), event(2, 'b', 2)];
  await dedupe.decide([first, next]);
  const deciding = dedupe.decide([event(3, 'a', 3), event(4, 'older', 4)]);
  for (const row of [first, next]) stored.store(row);
  dedupe.committed(0, 3); // another step of the same process, while the look-up is under way
  expect(await deciding).toEqual(['duplicate', 'duplicate']);
});
