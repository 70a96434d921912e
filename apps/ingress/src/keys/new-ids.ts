import { randomBytes } from 'node:crypto';
import type { JsonObject } from '#domain/json.js';
import type { CreditAccount, Refill } from '#domain/keys/credits.js';
import type { IdentityRecord, RateLimit } from '#domain/keys/key-record.js';
import { type MintedKey, mintId, mintKey } from '#domain/keys/key-text.js';
import type { RateLimitInput } from './fields.js';

const ID_BYTES = 16;

export function newId(kind: 'api' | 'key' | 'id' | 'rl' | 'cr'): string {
  return mintId(kind, randomBytes(ID_BYTES));
}

export function newKey(prefix: string | undefined, byteLength: number): MintedKey {
  return mintKey(prefix, randomBytes(byteLength));
}

/** A limit keeps its id, and with it what was used of it, as long as it keeps its name. */
export function newRateLimits(inputs: readonly RateLimitInput[], current: readonly RateLimit[] = []): RateLimit[] {
  return inputs.map((input) => ({ id: current.find(({ name }) => name === input.name)?.id ?? newId('rl'), ...input }));
}

export function newAccount(initial: number, since: number, refill: Refill | undefined): CreditAccount {
  return { id: newId('cr'), initial, since, refill };
}

export function newIdentity(externalId: string, createdAt: number, meta?: JsonObject): IdentityRecord {
  return { id: newId('id'), externalId, meta, ratelimits: [], createdAt };
}
