import { join } from 'node:path';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import type { JsonObject } from '#domain/json.js';
import { insertByDay } from '../../../test/support/placed-rows.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { ClickHouseCreditUsage } from './clickhouse-credit-usage.js';
import { ClickHouseUsageStore } from './clickhouse-usage-store.js';

const RETENTION = { events: 36_500, minute: 36_500, hour: 36_500, day: 36_500, month: 36_500 };
const NOON = Date.UTC(2026, 4, 17, 12);
const DAY_MS = 86_400_000;
const MIDNIGHT = NOON - DAY_MS / 2;

const folder = temporaryFolder('credit-usage');
let index = 0;
function event(keyId: string, time: number, changes: Partial<PlacedEvent>, data: JsonObject): PlacedEvent {
  const place = { partition: 0, offset: 0, index: index++, acceptedAt: NOON };
  const source = 'keymeter/ingress/node-1';
  const fixed = { id: `e${index}`, source, type: 'request', subject: keyId, time, idHash: 0, fingerprint: 0 };
  return { ...place, ...fixed, ...changes, data: { keyId, ...data } };
}

test('what verifications and changes of credits took is summed by day, from the moment of each account on', async () => {
  const client = new ChdbSqlClient(join(folder, 'chdb'));
  try {
    const store = new ClickHouseUsageStore(client, RETENTION);
    await store.prepare();
    const change = { type: 'keymeter.credits' };
    await insertByDay(store, [
      event('k1', NOON, {}, { outcome: 'VALID', cost: 2 }),
      event('k1', NOON + 1, {}, { outcome: 'RATE_LIMITED' }),
      event('k1', NOON + 2, { subject: 'owner' }, { outcome: 'VALID', cost: 3 }),
      event('k1', NOON + 3, change, { operation: 'increment', value: 10, taken: -10 }),
      event('k1', NOON + 4, change, { operation: 'decrement', value: 100, taken: 7 }),
      event('k1', NOON + 4, { source: 'keymeter/ingress' }, { outcome: 'VALID', cost: 11 }), // an Idempotency-Key
      event('k1', NOON + 5, { source: 'keymeter/ingresses' }, { outcome: 'VALID', cost: 2_000 }),
      event('k1', NOON + 5, { source: 'somebody' }, { outcome: 'VALID', cost: 1_000 }),
      event('k1', NOON - 5_000, {}, { outcome: 'VALID', cost: 20 }), // an account before
      event('k1', NOON - 1_000, {}, { outcome: 'VALID', cost: 40 }), // or perhaps by a clock that is late
      event('k1', MIDNIGHT + DAY_MS - 1_000, {}, { outcome: 'VALID', cost: 100 }), // or the next day, by another clock
      event('k2', NOON - DAY_MS, {}, { outcome: 'VALID', cost: 5 }),
      event('k3', NOON, {}, { outcome: 'VALID', cost: 6 }),
    ]);
    const asked = ['k2', 'k1', 'k4'].map((keyId) => ({ keyId, since: keyId === 'k1' ? NOON : 0 }));
    expect(await new ClickHouseCreditUsage(client).spent(asked)).toEqual([
      [{ day: MIDNIGHT - DAY_MS, units: 5 }],
      [
        { day: MIDNIGHT, units: 2 + 3 - 10 + 7 + 11 + 40 },
        { day: MIDNIGHT + DAY_MS, units: 100 },
      ],
      [],
    ]);
    expect(await new ClickHouseCreditUsage(client).spent([])).toEqual([]);
  } finally {
    await client.close();
  }
});
