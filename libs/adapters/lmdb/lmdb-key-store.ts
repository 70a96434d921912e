import type { Database, RootDatabase } from 'lmdb';
import type { ApiRecord, IdentityRecord, KeyRecord, KeyView, RootKeyRecord } from '#domain/keys/key-record.js';
import { type Confirmation, type KeyChange, type KeyListing, KeyStore, type Told } from '#ports/key-store.js';
import { commit } from './commit.js';
import { KeyCache } from './key-cache.js';

const MAX_CACHED_KEYS = 100_000;
/** There are no others. */
const ALL_NODES_KNOW: Confirmation = { waitedMs: 0, lapsed: [] };

/**
 * Keys in LMDB, of the main thread only. Reads are synchronous, so a read never overlaps a write; the cache is brought
 * up to date in the turn in which a write is known to be on disk, before its caller hears of it.
 */
export class LmdbKeyStore extends KeyStore {
  readonly #apis: Database<ApiRecord, string>;
  readonly #keys: Database<KeyRecord, string>;
  readonly #idByHash: Database<string, string>;
  /** [api, key] and [identity, api, key]: what listings walk over. */
  readonly #listed: Database<1, string[]>;
  readonly #identities: Database<IdentityRecord, string>;
  readonly #idByExternalId: Database<string, string>;
  readonly #rootKeys: Database<RootKeyRecord, string>;
  readonly #cache: KeyCache<KeyView>;
  #rootKeyByHash = new Map<string, RootKeyRecord>();
  #rootKeyGeneration = 0;

  constructor(
    private readonly environment: RootDatabase,
    maxCachedKeys = MAX_CACHED_KEYS,
  ) {
    super();
    this.#apis = this.#open('apis');
    this.#keys = this.#open('keys');
    this.#idByHash = this.#open('key_hashes');
    this.#listed = environment.openDB({ name: 'key_lists', encoding: 'json' });
    this.#identities = this.#open('identities');
    this.#idByExternalId = this.#open('external_ids');
    this.#rootKeys = this.#open('root_keys');
    this.#cache = new KeyCache(maxCachedKeys);
    this.#reloadRootKeys();
  }

  async putApi(api: ApiRecord): Promise<void> {
    await this.#commit(() => this.#apis.put(api.id, api));
  }

  async findApi(id: string): Promise<ApiRecord | undefined> {
    return this.#apis.get(id);
  }

  async insertKey(key: KeyRecord, owner?: IdentityRecord): Promise<KeyRecord> {
    return this.#commit(() => {
      const stored = owner ? { ...key, identityId: this.#linked(owner) } : key;
      this.#store(stored);
      return stored;
    });
  }

  async changeKey(id: string, change: KeyChange, told?: Told): Promise<KeyRecord | undefined> {
    const changed = await this.#commit(() => {
      const current = this.#existing(id);
      const next = current && change.apply(current);
      if (!current || !next) return undefined;
      const linked = this.#relinked(next, change.link);
      this.#unlist(current);
      this.#store(linked);
      return linked;
    });
    if (changed) this.#cacheView(changed);
    told?.(ALL_NODES_KNOW);
    return changed;
  }

  async replaceKey(
    id: string,
    succeed: (current: KeyRecord) => { old: KeyRecord; successor: KeyRecord },
    told?: Told,
  ): Promise<KeyRecord | undefined> {
    const replaced = await this.#commit(() => {
      const current = this.#existing(id);
      if (!current) return undefined;
      const pair = succeed(current);
      this.#store(pair.old);
      this.#store(pair.successor);
      return pair;
    });
    if (replaced) this.#cacheView(replaced.old);
    told?.(ALL_NODES_KNOW);
    return replaced?.successor;
  }

  async removeKey(id: string, at: number, permanent: boolean, told?: Told): Promise<boolean> {
    const removed = await this.#commit(() => {
      const current = this.#existing(id);
      if (!current) return undefined;
      this.#idByHash.remove(current.hash);
      this.#unlist(current);
      if (permanent) this.#keys.remove(id);
      else this.#keys.put(id, { ...current, deletedAt: at });
      return current;
    });
    if (removed) this.#cache.remove(removed.hash);
    told?.(ALL_NODES_KNOW);
    return removed !== undefined;
  }

  async findKey(id: string): Promise<KeyView | undefined> {
    const key = this.#keys.get(id);
    return key && this.#view(key);
  }

  findByHash(hash: string): KeyView | undefined {
    const cached = this.#cache.find(hash);
    if (cached) return cached;
    const id = this.#idByHash.get(hash);
    const key = id === undefined ? undefined : this.#keys.get(id);
    return key && this.#cacheView(key);
  }

  async listKeys({ apiId, identityId, limit, after = '' }: KeyListing): Promise<KeyView[]> {
    const list = identityId === undefined ? [apiId] : [identityId, apiId];
    const range = { start: [...list, after], end: [...list, '\uffff'], exclusiveStart: true, limit };
    const views: KeyView[] = [];
    for (const path of this.#listed.getKeys(range)) {
      const key = this.#keys.get(path.at(-1) ?? '');
      if (key) views.push(this.#view(key));
    }
    return views;
  }

  async insertIdentity(identity: IdentityRecord): Promise<boolean> {
    return this.#commit(() => this.#linked(identity) === identity.id);
  }

  async findIdentity(idOrExternalId: string): Promise<IdentityRecord | undefined> {
    return this.#identities.get(this.#idByExternalId.get(idOrExternalId) ?? idOrExternalId);
  }

  async putRootKey(rootKey: RootKeyRecord): Promise<void> {
    await this.#commit(() => this.#rootKeys.put(rootKey.id, rootKey));
    this.#reloadRootKeys();
  }

  async removeRootKey(id: string): Promise<boolean> {
    const existed = await this.#commit(() => {
      const found = this.#rootKeys.doesExist(id);
      if (found) this.#rootKeys.remove(id);
      return found;
    });
    this.#reloadRootKeys();
    return existed;
  }

  async listRootKeys(): Promise<RootKeyRecord[]> {
    return [...this.#rootKeyByHash.values()];
  }

  findRootKey(hash: string): RootKeyRecord | undefined {
    return this.#rootKeyByHash.get(hash);
  }

  get rootKeyGeneration(): number {
    return this.#rootKeyGeneration;
  }

  #open<V>(name: string): Database<V, string> {
    return this.environment.openDB<V, string>({ name, encoding: 'json' });
  }

  #commit<T>(action: () => T): Promise<T> {
    return commit(this.environment, action);
  }

  #existing(id: string): KeyRecord | undefined {
    const key = this.#keys.get(id);
    return key?.deletedAt === undefined ? key : undefined;
  }

  #store(key: KeyRecord): void {
    this.#keys.put(key.id, key);
    this.#idByHash.put(key.hash, key.id);
    for (const path of listPaths(key)) this.#listed.put(path, 1);
  }

  #unlist(key: KeyRecord): void {
    for (const path of listPaths(key)) this.#listed.remove(path);
  }

  /** Inside a transaction: the id of the stored identity with that externalId, storing this one if there is none. */
  #linked(candidate: IdentityRecord): string {
    const known = this.#idByExternalId.get(candidate.externalId);
    if (known !== undefined) return known;
    this.#identities.put(candidate.id, candidate);
    this.#idByExternalId.put(candidate.externalId, candidate.id);
    return candidate.id;
  }

  #relinked(key: KeyRecord, link: IdentityRecord | null | undefined): KeyRecord {
    if (link === undefined) return key;
    return { ...key, identityId: link === null ? undefined : this.#linked(link) };
  }

  #view(key: KeyRecord): KeyView {
    return { key, identity: key.identityId === undefined ? undefined : this.#identities.get(key.identityId) };
  }

  #cacheView(key: KeyRecord): KeyView {
    const view = this.#view(key);
    this.#cache.put(key.hash, view);
    return view;
  }

  #reloadRootKeys(): void {
    const all = [...this.#rootKeys.getRange()].map(({ value }) => value);
    this.#rootKeyByHash = new Map(all.map((rootKey) => [rootKey.hash, rootKey]));
    this.#rootKeyGeneration++;
  }
}

function listPaths(key: KeyRecord): string[][] {
  const byApi = [key.apiId, key.id];
  return key.identityId === undefined ? [byApi] : [byApi, [key.identityId, key.apiId, key.id]];
}
