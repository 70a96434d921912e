import type { ApiRecord, IdentityRecord, KeyRecord, KeyView, RootKeyRecord } from '#domain/keys/key-record.js';

export interface KeyChange {
  /**
   * Absent: the key keeps its identity. null: it loses it. A record: it gets the stored identity of that externalId,
   * or this one, stored now, when there is none.
   */
  readonly link?: IdentityRecord | null;
  /** Pure; may run more than once. Undefined changes nothing and counts as "not found". */
  apply(current: KeyRecord): KeyRecord | undefined;
}

export interface KeyListing {
  readonly apiId: string;
  readonly identityId?: string;
  readonly limit: number;
  /** The key id before the page. */
  readonly after?: string;
}

/** How the nodes came to know of a write. */
export interface Confirmation {
  readonly waitedMs: number;
  /** Nodes that did not confirm: their lease ran out instead. */
  readonly lapsed: readonly string[];
}

/** Called before a write resolves. */
export type Told = (confirmation: Confirmation) => void;

/**
 * APIs, keys, identities and root keys. Every write is one transaction, durable when it resolves, and from then on
 * no read on any node answers from before it. Every method throws STORE_UNAVAILABLE (retryable) when the store
 * cannot be reached or written; then nothing or all of the write has happened.
 */
export abstract class KeyStore {
  /** A repeat replaces the record. */
  abstract putApi(api: ApiRecord): Promise<void>;
  abstract findApi(id: string): Promise<ApiRecord | undefined>;

  /** Returns the key as stored: with `owner` it belongs to the stored identity of that externalId, or to `owner`. */
  abstract insertKey(key: KeyRecord, owner?: IdentityRecord): Promise<KeyRecord>;
  /** Undefined when there is no such key, or it is deleted. */
  abstract changeKey(id: string, change: KeyChange, told?: Told): Promise<KeyRecord | undefined>;
  /** Changes the old key and stores its successor together. Undefined as for changeKey; `succeed` is pure. */
  abstract replaceKey(
    id: string,
    succeed: (current: KeyRecord) => { old: KeyRecord; successor: KeyRecord },
    told?: Told,
  ): Promise<KeyRecord | undefined>;
  /** Gone from every look-up; with `permanent` false the record stays for explanations. False when there is none. */
  abstract removeKey(id: string, at: number, permanent: boolean, told?: Told): Promise<boolean>;

  abstract findKey(id: string): Promise<KeyView | undefined>;
  /**
   * Asked by every verification: an embedded store answers at once, a remote one may answer with a promise on the
   * first use of a key. The same object for the same state of key and identity.
   */
  abstract findByHash(hash: string): KeyView | undefined | Promise<KeyView | undefined>;
  /** By key id, deleted ones left out. */
  abstract listKeys(listing: KeyListing): Promise<KeyView[]>;

  /** False when the externalId is taken; then nothing is stored. */
  abstract insertIdentity(identity: IdentityRecord): Promise<boolean>;
  /** By id or externalId. */
  abstract findIdentity(idOrExternalId: string): Promise<IdentityRecord | undefined>;

  /** A repeat with the same id replaces the record. */
  abstract putRootKey(rootKey: RootKeyRecord): Promise<void>;
  abstract removeRootKey(id: string): Promise<boolean>;
  abstract listRootKeys(): Promise<RootKeyRecord[]>;
  /** Answers from memory: root keys are few. */
  abstract findRootKey(hash: string): RootKeyRecord | undefined;
  /** Grows when any root key changes: what was derived from root keys before is void. */
  abstract readonly rootKeyGeneration: number;
}
