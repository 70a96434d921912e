/** What the load works with: an API, keys of every kind, meters, policies. Made once, on the first life of the server. */
import type { HttpCaller } from './http-caller.js';
import { USAGE_TYPE } from './ingest-load.js';

export interface LoadKey {
  readonly keyId: string;
  readonly key: string;
}

export interface World {
  readonly apiId: string;
  readonly plain: readonly LoadKey[];
  readonly limited: readonly LoadKey[];
  readonly credited: readonly LoadKey[];
  readonly policed: readonly LoadKey[];
}

export const LIMIT = 12;
export const LIMIT_MS = 2_000;
export const CREDITS = 150;
export const METERS = ['crash_events', 'crash_bytes', 'crash_value'] as const;

export async function buildWorld(caller: HttpCaller, { plain = 30 }: { plain?: number } = {}): Promise<World> {
  const { data } = await caller.demand('POST', '/v2/apis.createApi', { name: 'crash' });
  const apiId = (data as { apiId: string }).apiId;
  const make = (count: number, settings: object) =>
    Promise.all(Array.from({ length: count }, () => createKey(caller, apiId, settings)));
  const ratelimits = [{ name: 'requests', limit: LIMIT, duration: LIMIT_MS, autoApply: true }];
  const world: World = {
    apiId,
    plain: await make(plain, {}),
    limited: await make(3, { ratelimits }),
    credited: await make(4, { credits: { remaining: CREDITS } }),
    policed: await make(3, {}),
  };
  await createMeters(caller);
  await createPolicies(caller, world.policed);
  return world;
}

export async function createKey(caller: HttpCaller, apiId: string, settings: object = {}): Promise<LoadKey> {
  const { data } = await caller.demand('POST', '/v2/keys.createKey', { apiId, prefix: 'crash', ...settings });
  return data as LoadKey;
}

async function createMeters(caller: HttpCaller): Promise<void> {
  const meter = { eventType: USAGE_TYPE, groupBy: { plan: '$.plan' } };
  await caller.demand('POST', '/api/v1/meters', { ...meter, slug: 'crash_events', aggregation: 'COUNT' });
  await caller.demand('POST', '/api/v1/meters', {
    ...meter,
    slug: 'crash_bytes',
    aggregation: 'SUM',
    valueProperty: '$.bytes',
  });
  await caller.demand('POST', '/api/v1/meters', {
    ...meter,
    slug: 'crash_value',
    aggregation: 'SUM',
    valueProperty: '$.value',
  });
}

async function createPolicies(caller: HttpCaller, policed: readonly LoadKey[]): Promise<void> {
  const policies = [
    {
      name: 'busy-team',
      match: { type: USAGE_TYPE },
      groupBy: 'subject',
      aggregate: 'count',
      window: '3s',
      threshold: 25,
      action: { type: 'warn' },
      mode: 'on',
    },
    {
      name: 'heavy-plan',
      match: { type: USAGE_TYPE, data: { value: { gte: 20 } } },
      groupBy: 'data.plan',
      aggregate: 'sum',
      field: 'data.value',
      window: { calendar: 'minute', timeZone: 'Europe/Berlin' },
      threshold: 3_000,
      action: { type: 'throttle', limit: 5, window: '1m', for: '10s' },
      mode: 'shadow',
    },
    {
      name: 'hot-key',
      match: { type: 'request', data: { keyId: { in: policed.map(({ keyId }) => keyId) } } },
      groupBy: 'keyId',
      aggregate: 'count',
      window: '5s',
      threshold: 10,
      action: { type: 'suspend', for: '2s' },
      mode: 'on',
    },
  ];
  for (const policy of policies) await caller.demand('POST', '/api/v1/policies', policy);
}
