/** Events of two partitions over three days, several to a record, with all that a row may hold. */
import { identityHash } from '#domain/events/hash53.js';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import type { JsonObject } from '#domain/json.js';
import { LOG_SOURCE, PARTITION_SPLIT } from '#domain/log/split-row.js';
import type { HistorySelection } from '#ports/event-history.js';

const START = Date.UTC(2026, 2, 1, 22);
const RECORDS = 40;
const STEP_MS = 3_600_000;
export const ALL: HistorySelection = { from: 0, to: Date.UTC(2030, 0, 1) };

const OUTCOMES = ['VALID', 'RATE_LIMITED', 404, 'ö"\\'];
const SPECIAL: JsonObject = { status: '404', bytes: 12.5, tags: ['a', 1, null], nested: { plan: 'ö"\\' } };

export function historySamples(random: () => number, partitions = 2): PlacedEvent[] {
  const events: PlacedEvent[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    let offset = 5;
    for (let record = 0; record < RECORDS; record++) {
      offset += 1 + Math.floor(random() * 2);
      const acceptedAt = START + record * STEP_MS;
      const count = 1 + Math.floor(random() * 6);
      for (let index = 0; index < count; index++) {
        const drawn = random();
        const outcome = OUTCOMES[Math.floor(random() * OUTCOMES.length)] ?? '';
        const some = { keyId: `k${index}`, outcome, n: Math.floor(random() * 9) };
        const data = record === 0 ? SPECIAL : drawn < 0.1 ? null : some;
        const id = `${partition}/${record}/${index}`;
        const isOwn = record > 0 && random() < 0.1;
        const source = isOwn ? LOG_SOURCE : index % 2 === 0 ? 'test' : `source ${index}`;
        events.push({
          id,
          source,
          type: isOwn ? PARTITION_SPLIT : record > 0 && random() < 0.3 ? 'other' : 'request',
          subject: `subject ${'x'.repeat(record * 6)}`,
          time: acceptedAt - Math.floor(random() * 90_000),
          data,
          idHash: identityHash(source, id),
          fingerprint: 1,
          partition,
          offset,
          index,
          acceptedAt,
        });
      }
    }
  }
  return events;
}
