import { Injectable, Optional } from '@nestjs/common';
import { isStoreAway } from '#domain/errors.js';
import type { RootKeyRecord } from '#domain/keys/key-record.js';
import { hashKey } from '#domain/keys/key-text.js';
import { KeyStore } from '#ports/key-store.js';
import { LastKnown } from '#ports/last-known.js';
import { HttpProblem } from './http-problem.js';

const MAX_REMEMBERED = 1_000;
const MAX_HEADER_CHARS = 600;
const BEARER = /^bearer +(\S+)$/i;

/** Turns an Authorization header into a root key; headers seen before cost one map look-up. */
@Injectable()
export class RootKeys {
  #remembered = new Map<string, RootKeyRecord>();
  #generation = -1;

  constructor(
    private readonly store: KeyStore,
    @Optional() private readonly lastKnown?: LastKnown,
  ) {}

  /** Throws the 401 of the protocol; it does not tell an unknown key from a customer's key. */
  authenticate(header: string | undefined): RootKeyRecord {
    if (this.#generation !== this.store.rootKeyGeneration) this.#forget();
    const known = header === undefined ? undefined : this.#remembered.get(header);
    return known ?? this.#lookUp(header);
  }

  /** For verifications: while the store is away, by what this node last knew, where that is allowed. */
  authenticateLastKnown(header: string | undefined): RootKeyRecord {
    try {
      return this.authenticate(header);
    } catch (error) {
      const known =
        header && isStoreAway(error) ? this.lastKnown?.rootKey(hashKey(bearerOf(header, 'root key'))) : undefined;
      if (known) return known;
      throw error;
    }
  }

  #lookUp(header: string | undefined): RootKeyRecord {
    const rootKey = this.store.findRootKey(hashKey(bearerOf(header, 'root key')));
    if (!rootKey) throw unauthorized('key_not_found', 'The provided root key is invalid.');
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(header as string, rootKey);
    return rootKey;
  }

  #forget(): void {
    this.#remembered.clear();
    this.#generation = this.store.rootKeyGeneration;
  }
}

/** The key in the header; throws 401 without one and 400 where it is malformed. */
export function bearerOf(header: string | undefined, kind: 'root key' | 'key'): string {
  if (header === undefined) throw unauthorized('missing', `Send the ${kind} as "Authorization: Bearer <${kind}>".`);
  const presented = header.length <= MAX_HEADER_CHARS ? BEARER.exec(header)?.[1] : undefined;
  if (presented !== undefined) return presented;
  throw new HttpProblem(400, 'authentication/malformed', `The Authorization header must be "Bearer <${kind}>".`);
}

function unauthorized(reason: string, detail: string): HttpProblem {
  return new HttpProblem(401, `authentication/${reason}`, detail, { headers: { 'WWW-Authenticate': 'Bearer' } });
}
