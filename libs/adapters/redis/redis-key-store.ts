import type { RecordKind } from '#domain/keys/directory-record.js';
import type { ApiRecord, IdentityRecord, KeyRecord, KeyView, RootKeyRecord } from '#domain/keys/key-record.js';
import { type KeyChange, type KeyListing, KeyStore, type Told } from '#ports/key-store.js';
import type { NodeLease } from './node-lease.js';
import type { RedisKeyCache } from './redis-key-cache.js';
import { type RedisKeyDirectory, type Step, untilDone } from './redis-key-directory.js';
import type { RedisKeyRoots } from './redis-key-roots.js';
import { RedisKeyTurns } from './redis-key-turns.js';
import type { RedisKeyWriter } from './redis-key-writer.js';
import { keyIdOf, linkSteps, listingRange, storeSteps, unlistSteps } from './redis-key-writes.js';

/**
 * While Redis is away: answer from memory for as long as the lease holds, or not at all, or leave it at once to those
 * who make do with what was last known.
 */
export type OnOutage = 'serve-cached' | 'refuse' | 'allow';

/**
 * Keys in Redis, shared by all nodes. A node answers from memory while its lease holds; a write returns when every
 * node has forgotten the state before, or has no lease from before.
 */
export class RedisKeyStore extends KeyStore {
  readonly #turns = new RedisKeyTurns();

  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly lease: NodeLease,
    private readonly writer: RedisKeyWriter,
    private readonly cache: RedisKeyCache,
    private readonly roots: RedisKeyRoots,
    private readonly onOutage: OnOutage,
  ) {
    super();
  }

  async putApi(api: ApiRecord): Promise<void> {
    await this.writer.write([['set', 'apis', api.id, JSON.stringify(api)]]);
  }

  findApi(id: string): Promise<ApiRecord | undefined> {
    return this.directory.find<ApiRecord>('apis', id);
  }

  insertKey(key: KeyRecord, owner?: IdentityRecord): Promise<KeyRecord> {
    return untilDone(async () => {
      const link = owner && linkSteps(owner, await this.#identityId(owner));
      const stored = link ? { ...key, identityId: link.id } : key;
      const { done } = await this.writer.write([...(link?.steps ?? []), ...storeSteps(stored)]);
      return done ? stored : 'overtaken';
    });
  }

  changeKey(id: string, { link, apply }: KeyChange, told?: Told): Promise<KeyRecord | undefined> {
    const write = async (current: KeyRecord) => {
      const next = apply(current);
      if (!next) return undefined;
      const linked = link ? linkSteps(link, await this.#identityId(link)) : undefined;
      const identityId = link === undefined ? next.identityId : linked?.id;
      const stored = { ...next, identityId };
      return { result: stored, steps: [...(linked?.steps ?? []), ...unlistSteps(current), ...storeSteps(stored)] };
    };
    return this.#write(id, write, told);
  }

  replaceKey(
    id: string,
    succeed: (current: KeyRecord) => { old: KeyRecord; successor: KeyRecord },
    told?: Told,
  ): Promise<KeyRecord | undefined> {
    const write = async (current: KeyRecord) => {
      const { old, successor } = succeed(current);
      const steps = [...unlistSteps(current), ...storeSteps(old), ...storeSteps(successor)];
      return { result: successor, steps };
    };
    return this.#write(id, write, told);
  }

  async removeKey(id: string, at: number, permanent: boolean, told?: Told): Promise<boolean> {
    const write = async (current: KeyRecord) => {
      const kept = JSON.stringify({ ...current, deletedAt: at });
      const record: Step = permanent ? ['del', 'keys', id] : ['set', 'keys', id, kept];
      return { result: current, steps: [...unlistSteps(current), record] };
    };
    return (await this.#write(id, write, told)) !== undefined;
  }

  async findKey(id: string): Promise<KeyView | undefined> {
    const [view] = await this.#views([id]);
    return view;
  }

  findByHash(hash: string): KeyView | undefined | Promise<KeyView | undefined> {
    const { open } = this.directory.breaker;
    if (this.lease.holds && !(this.onOutage === 'refuse' && open)) {
      return this.cache.cached(hash) ?? this.cache.read(hash);
    }
    return this.#findLater(hash);
  }

  async #findLater(hash: string): Promise<KeyView | undefined> {
    const { open } = this.directory.breaker;
    if (open && this.onOutage === 'allow') this.lease.demand(); // its timer looks for Redis; nobody waits for that
    await (open ? this.lease.renew() : this.lease.required());
    return this.cache.cached(hash) ?? this.cache.read(hash);
  }

  async listKeys({ apiId, identityId, limit, after = '' }: KeyListing): Promise<KeyView[]> {
    const list = identityId === undefined ? [apiId] : [identityId, apiId];
    const listed = await this.directory.range('listed', ...listingRange(list, after), limit);
    return this.#views(listed.map(keyIdOf));
  }

  async insertIdentity(identity: IdentityRecord): Promise<boolean> {
    const { steps } = linkSteps(identity, undefined);
    return (await this.writer.write(steps)).done;
  }

  async findIdentity(idOrExternalId: string): Promise<IdentityRecord | undefined> {
    const [id] = await this.directory.fetch([['externals', idOrExternalId]]);
    return this.directory.find<IdentityRecord>('identities', id ?? idOrExternalId);
  }

  async putRootKey(rootKey: RootKeyRecord): Promise<void> {
    await this.writer.announce([
      ['set', 'roots', rootKey.id, JSON.stringify(rootKey)],
      ['say', 'roots', rootKey.id],
    ]);
  }

  removeRootKey(id: string): Promise<boolean> {
    return untilDone(async () => {
      const [stored] = await this.directory.fetch([['roots', id]]);
      if (stored === undefined) return this.#unchanged('rootKey', id, false);
      const steps: Step[] = [
        ['is', 'roots', id, stored],
        ['del', 'roots', id],
        ['say', 'roots', id],
      ];
      return (await this.writer.announce(steps)).done || 'overtaken';
    });
  }

  async listRootKeys(): Promise<RootKeyRecord[]> {
    return (await this.directory.values('roots')).map((text) => JSON.parse(text) as RootKeyRecord);
  }

  findRootKey(hash: string): RootKeyRecord | undefined {
    this.lease.demand();
    return this.roots.find(hash);
  }

  get rootKeyGeneration(): number {
    return this.roots.generation;
  }

  async #identityId({ externalId }: IdentityRecord): Promise<string | undefined> {
    const [id] = await this.directory.fetch([['externals', externalId]]);
    return id;
  }

  /** Resolves when no node answers from before the write. Undefined when there is no such key. */
  async #write<T>(
    id: string,
    write: (current: KeyRecord) => Promise<{ result: T; steps: readonly Step[] } | undefined>,
    told?: Told,
  ): Promise<T | undefined> {
    const leave = await this.#turns.enter(id);
    try {
      return await untilDone<T | undefined>(async () => {
        const [stored] = await this.directory.fetch([['keys', id]]);
        const current = stored === undefined ? undefined : (JSON.parse(stored) as KeyRecord);
        const planned = current && current.deletedAt === undefined ? await write(current) : undefined;
        if (stored === undefined || !current || !planned) return this.#unchanged('key', id, undefined, told);
        const steps: Step[] = [['is', 'keys', id, stored], ...planned.steps, ['say', 'hashes', current.hash]];
        // Whatever comes of it: when Redis goes away now, this node must not have the key as it was.
        const announced = this.writer.announce(steps, leave, told).finally(() => this.cache.drop(current.hash));
        return (await announced).done ? planned.result : 'overtaken';
      });
    } finally {
      leave();
    }
  }

  async #unchanged<T>(kind: RecordKind, id: string, outcome: T, told?: Told): Promise<T> {
    await this.writer.caughtUp(kind, id, told);
    return outcome;
  }

  async #views(ids: readonly string[]): Promise<KeyView[]> {
    const stored = await this.directory.fetch(ids.map((id) => ['keys', id] as const));
    const keys = stored.filter((text) => text !== undefined).map((text) => JSON.parse(text) as KeyRecord);
    const owners = [...new Set(keys.map((key) => key.identityId).filter((id) => id !== undefined))];
    const identities = new Map<string, IdentityRecord>();
    for (const text of await this.directory.fetch(owners.map((id) => ['identities', id] as const))) {
      const identity = text === undefined ? undefined : (JSON.parse(text) as IdentityRecord);
      if (identity) identities.set(identity.id, identity);
    }
    return keys.map((key) => ({ key, identity: identities.get(key.identityId ?? '') }));
  }
}
