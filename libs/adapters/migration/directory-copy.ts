/** Keys and what belongs to them, from a data folder into a cluster: records, balances, running windows, policies. */
import type { EmbeddedStores } from '#adapters/embedded/embedded-stores.js';
import { lmdbRecords, MOVED_KINDS } from '#adapters/lmdb/lmdb-records.js';
import type { RedisCounters } from '#adapters/redis/redis-counters.js';
import type { RedisRecordImport } from '#adapters/redis/redis-record-import.js';
import { KeymeterError } from '#domain/errors.js';
import { encodeRow } from '#domain/events/usage-row.js';
import { openBalance } from '#domain/keys/credits.js';
import type { DirectoryRecord, RecordKind } from '#domain/keys/directory-record.js';
import type { KeyRecord } from '#domain/keys/key-record.js';
import type { EventPosition } from '#domain/log/position.js';
import type { Meter } from '#domain/meters/meter.js';
import type { Enforcement } from '#domain/policies/enforcement.js';
import { changeEvent, POLICY_PUT } from '#domain/policies/policy-change.js';
import type { MeterStore } from '#ports/meter-store.js';
import type { PolicyStore } from '#ports/policy-store.js';
import type { RowAppender } from '#stream/row-appender.js';

export interface DirectoryTarget {
  readonly records: RedisRecordImport;
  readonly counters: RedisCounters;
  readonly policies: PolicyStore;
  readonly meters: MeterStore;
  readonly appender: RowAppender;
}

/** How many of each the folder holds, and how many of them this run has added. */
export type Moved = Record<RecordKind | 'balance' | 'window', { total: number; added: number }>;

const AT_ONCE = 32;

export class DirectoryCopy {
  readonly moved = {} as Moved;

  constructor(
    private readonly from: EmbeddedStores,
    private readonly to: DirectoryTarget,
    private readonly archive: number,
    private readonly now: number,
  ) {}

  /** Rejects with STORE_REFUSED where the cluster has something else under a name that is moved. */
  async records(): Promise<void> {
    for (const kind of MOVED_KINDS) {
      await this.#each(kind, lmdbRecords(this.from.environment, kind), (entry) => this.#record(entry));
    }
    await this.#each('balance', this.#accounts(), (account) => this.#balance(account));
    await this.#each('window', this.from.counters.runningWindows(this.now), (window) =>
      this.to.counters.restoreWindow(window, this.now).then(() => true),
    );
  }

  /** After the events: from here on policies see what comes to the cluster. */
  async policies(): Promise<void> {
    const others = await this.to.policies.list();
    await this.#each('policy', await this.from.policies.list(), async ({ policy }) => {
      if (others.some((other) => other.policy.id === policy.id)) return false;
      if (others.some((other) => other.policy.name === policy.name)) throw taken(`policy named "${policy.name}"`);
      const rowId = `row_moved_${policy.id}_${policy.version}`;
      const row = encodeRow(changeEvent(POLICY_PUT, rowId, policy.id, this.now, policy));
      const [next] = await this.to.appender.append(`${row}\n`, 1);
      if (next === undefined) throw new Error('the row of a policy went nowhere');
      const position = { partition: next.partition, offset: next.offset - 1 };
      await this.to.policies.commit({ kind: 'put', policy, rowId }, position);
      return true;
    });
  }

  async #record(entry: DirectoryRecord): Promise<boolean> {
    const outcome = await this.to.records.add(this.#placed(entry), this.now);
    if (outcome !== 'taken') return outcome === 'added';
    if (entry.kind === 'meter' && entry.record !== null && (await this.#sameMeter(entry.record))) return false;
    throw taken(`${entry.kind} ${entry.id}`);
  }

  /** Events keep their positions, in the archive's partition. */
  #placed(entry: DirectoryRecord): DirectoryRecord {
    if (entry.kind !== 'enforcement' || entry.record === null) return entry;
    const placed = (at: EventPosition): EventPosition => ({ ...at, partition: this.archive });
    const { cause, events } = entry.record;
    const record: Enforcement = { ...entry.record, cause: placed(cause), events: events.map(placed) };
    return { ...entry, record };
  }

  /** Built-in meters of both have ids of their own. */
  async #sameMeter(meter: Meter): Promise<boolean> {
    const other = await this.to.meters.find(meter.slug);
    return other !== undefined && definitionOf(other) === definitionOf(meter);
  }

  *#accounts(): Iterable<NonNullable<KeyRecord['credits']>> {
    for (const { kind, record } of lmdbRecords(this.from.environment, 'key')) {
      if (kind === 'key' && record?.credits && record.deletedAt === undefined) yield record.credits;
    }
  }

  async #balance(account: NonNullable<KeyRecord['credits']>): Promise<boolean> {
    const balance = this.from.counters.balanceOf(account.id) ?? openBalance(account);
    await this.to.counters.restoreBalance(account.id, balance);
    return true;
  }

  async #each<T>(name: keyof Moved, items: Iterable<T>, move: (item: T) => Promise<boolean>): Promise<void> {
    const count = { total: 0, added: 0 };
    this.moved[name] = count;
    let batch: T[] = [];
    const flush = async () => {
      const added = await Promise.all(batch.map(move));
      count.total += added.length;
      count.added += added.filter(Boolean).length;
      batch = [];
    };
    for (const item of items) if (batch.push(item) >= AT_ONCE) await flush();
    await flush();
  }
}

function definitionOf({ id: _id, createdAt: _created, updatedAt: _updated, ...definition }: Meter): string {
  return JSON.stringify(Object.entries(definition).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function taken(what: string): KeymeterError {
  const detail = `The ${what} cannot be moved: the cluster has another one under its name. Rename or delete one of them.`;
  return new KeymeterError('STORE_REFUSED', detail);
}
