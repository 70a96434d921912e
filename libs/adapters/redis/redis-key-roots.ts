import type { RootKeyRecord } from '#domain/keys/key-record.js';
import type { Change, DirectoryMirror } from './node-lease.js';
import type { RedisKeyDirectory } from './redis-key-directory.js';

/** All root keys in memory: they are few, and asked for by every administrative request. */
export class RedisKeyRoots implements DirectoryMirror {
  #byId = new Map<string, RootKeyRecord>();
  #byHash = new Map<string, RootKeyRecord>();
  #generation = 0;
  /** By hash; forgotten, and not read anew yet. */
  #before: ReadonlyMap<string, RootKeyRecord> | undefined;

  constructor(private readonly directory: RedisKeyDirectory) {}

  get generation(): number {
    return this.#generation;
  }

  find(hash: string): RootKeyRecord | undefined {
    return this.#byHash.get(hash);
  }

  /** Whether the lease holds or not. */
  lastKnown(hash: string): RootKeyRecord | undefined {
    return (this.#before ?? this.#byHash).get(hash);
  }

  forget(): void {
    this.#before ??= this.#byHash;
    this.#replace(new Map());
  }

  async load(): Promise<void> {
    const records = (await this.directory.values('roots')).map((text) => JSON.parse(text) as RootKeyRecord);
    this.#replace(new Map(records.map((record) => [record.id, record])));
  }

  apply({ part, field, document }: Change): void {
    if (part !== 'roots') return;
    const next = new Map(this.#byId);
    if (document === undefined) next.delete(field);
    else next.set(field, JSON.parse(document) as RootKeyRecord);
    this.#replace(next);
  }

  renewed(): void {
    this.#before = undefined;
  }

  #replace(byId: Map<string, RootKeyRecord>): void {
    this.#byId = byId;
    this.#byHash = new Map([...byId.values()].map((record) => [record.hash, record]));
    this.#generation++;
  }
}
