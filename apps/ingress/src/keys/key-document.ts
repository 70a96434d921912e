import type { CreditAccount } from '#domain/keys/credits.js';
import type { KeyView } from '#domain/keys/key-record.js';
import { strongest } from '#domain/keys/verdict.js';
import { enforcementDocument } from './enforcement-document.js';
import type { KeyServices } from './key-services.js';

/** A key as getKey, whoami and listKeys show it; what is not set is left out (null breaks the clients). */
export async function keyDocument({ key, identity }: KeyView, services: KeyServices): Promise<object> {
  const now = services.clock.now();
  const active = [
    ...services.enforcements.activeFor('key', key.id, now),
    ...(identity ? services.enforcements.activeFor('identity', identity.id, now) : []),
    ...services.enforcements.activeFor('subject', identity?.externalId ?? key.id, now),
  ];
  const enforcement = strongest(active);
  return {
    keyId: key.id,
    start: key.start,
    enabled: key.enabled,
    name: key.name,
    meta: key.meta,
    createdAt: key.createdAt,
    updatedAt: key.updatedAt,
    expires: key.expires,
    permissions: unlessEmpty(key.permissions),
    credits: key.credits && creditsDocument(key.credits, await services.counters.balance(key.credits, now)),
    identity: identity && {
      id: identity.id,
      externalId: identity.externalId,
      meta: identity.meta,
      ratelimits: unlessEmpty(identity.ratelimits),
    },
    ratelimits: unlessEmpty(key.ratelimits),
    enforcement: enforcement && enforcementDocument(enforcement),
  };
}

export function creditsDocument({ refill }: CreditAccount, remaining: number): object {
  return { remaining, refill };
}

function unlessEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length > 0 ? list : undefined;
}
