/** What the key store keeps. Records are never changed in place: a change is a new object. */
import type { JsonObject } from '../json.js';
import type { CreditAccount } from './credits.js';

export interface ApiRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
}

export interface RateLimit {
  readonly id: string;
  readonly name: string;
  readonly limit: number;
  /** Window length, ms. */
  readonly duration: number;
  readonly autoApply: boolean;
}

export interface IdentityRecord {
  readonly id: string;
  readonly externalId: string;
  readonly meta?: JsonObject;
  readonly ratelimits: readonly RateLimit[];
  readonly createdAt: number;
}

export interface KeyRecord {
  readonly id: string;
  /** SHA-256 of the key, hex. */
  readonly hash: string;
  readonly start: string;
  readonly apiId: string;
  readonly prefix?: string;
  readonly byteLength: number;
  readonly name?: string;
  readonly meta?: JsonObject;
  readonly identityId?: string;
  readonly enabled: boolean;
  /** Epoch ms; from this moment on the key is refused. */
  readonly expires?: number;
  /** Rerolled at once: expired on every node from the call on, also on one whose clock is behind that of the call's. */
  readonly isReplaced?: boolean;
  readonly permissions: readonly string[];
  readonly ratelimits: readonly RateLimit[];
  /** Absent = unlimited. The balance itself is a counter. */
  readonly credits?: CreditAccount;
  readonly createdAt: number;
  readonly updatedAt?: number;
  /** Deleted, kept for explanations: not found by its hash any more. */
  readonly deletedAt?: number;
}

/** A key together with what it takes from its identity: what one verification needs. */
export interface KeyView {
  readonly key: KeyRecord;
  readonly identity?: IdentityRecord;
}

export interface RootKeyRecord {
  readonly id: string;
  readonly hash: string;
  readonly start: string;
  readonly name: string;
  /** `*` or `<resource>.<id or *>.<action>`, see rights.ts. */
  readonly rights: readonly string[];
  readonly createdAt: number;
}
