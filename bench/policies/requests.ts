/** Requests as an ingress records them, of many keys, in order: the same for the same seed. */
import type { PlacedEvent } from '#domain/events/usage-event.js';
import type { JsonObject } from '#domain/json.js';
import { eventAt } from '#domain/policies/policy-fixture.js';
import { randomFrom } from '../statistics.js';

const START = Date.UTC(2026, 0, 1);
const PER_MS = 10;
const KEYS_PER_IDENTITY = 4;
const ADDRESSES = 50_000;

export interface Requests {
  /** The next so many. */
  take(count: number): PlacedEvent[];
}

export function requests(keys: number, firstOffset = 0): Requests {
  const random = randomFrom(1);
  let offset = firstOffset;
  const below = (most: number) => Math.floor(random() * most);
  const next = () => {
    const key = below(keys);
    const data = {
      keyId: `key_${key.toString(36).padStart(12, '0')}`,
      identityId: `id_${Math.floor(key / KEYS_PER_IDENTITY)}`,
      apiId: 'api_1',
      ip: `10.${below(ADDRESSES) >> 8}.${below(256)}.1`,
      outcome: below(50) === 0 ? 'RATE_LIMITED' : 'VALID',
      method: below(8) === 0 ? 'POST' : 'GET',
      status: below(20) === 0 ? 404 : 200,
      route: `/v1/things/${below(200)}`,
      bytes: below(4_096),
      cost: below(100) / 1_000,
    };
    // Texts as a row of the log has them: those put together here would be written out by whoever looks first.
    const read = JSON.parse(JSON.stringify(data)) as JsonObject;
    const event = eventAt(START + offset / PER_MS, offset, read);
    offset++;
    return event;
  };
  return { take: (count) => Array.from({ length: count }, next) };
}
