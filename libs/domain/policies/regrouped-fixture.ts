/** A log of several partitions with policies in it, and what its regroupers say, for tests. */
import type { PlacedEvent } from '../events/usage-event.js';
import type { JsonObject } from '../json.js';
import { documentOf } from './documents/document-fixture.js';
import type { DocumentPolicy } from './documents/document-policy.js';
import type { Enforcement } from './enforcement.js';
import type { Policy } from './policy.js';
import { changeEvent, liftEvent, POLICY_DELETED } from './policy-change.js';
import { eventAt, policyOf, putRow } from './policy-fixture.js';
import { RegroupedBatch } from './regrouped-batch.js';
import { decodeRegrouped, type RegroupedRecord } from './regrouped-record.js';
import { Regrouper } from './regrouper.js';
import type { ThresholdPolicy } from './threshold-policy.js';

export const LOG = 'log-of-tests';

/** More than three a minute per address are held for ten minutes, unless said otherwise. */
export function perAddress(change: Record<string, unknown> = {}, version = 1): ThresholdPolicy {
  return policyOf({ name: 'per-address', groupBy: 'ip', ...change }, version);
}

/** Over three calls a minute, or over two keys: slow, then suspended, per address. */
export function documentPerAddress(change: Record<string, unknown> = {}, version = 1): DocumentPolicy {
  const measures = {
    calls: { aggregate: 'count', window: '1m' },
    keys: { aggregate: 'unique', of: 'keyId', window: '1m' },
  };
  return documentOf({ name: 'document', per: 'ip', measures, when: 'calls > 3 || keys > 2', ...change }, version);
}

/** One partition with its regrouper, which a crash takes away and a replay brings back. */
export class SourceLog {
  readonly rows: PlacedEvent[] = [];

  constructor(
    readonly partition: number,
    readonly sources: number,
    readonly partitions = 1,
  ) {}

  use(time: number, data: JsonObject): PlacedEvent {
    return this.#append(eventAt(time, this.rows.length, data), time);
  }

  put(policy: Policy, time = 0): PlacedEvent {
    return this.#append(putRow(policy, this.rows.length, time), time);
  }

  remove({ id, version }: Policy, time = 0): PlacedEvent {
    return this.#append(changeEvent(POLICY_DELETED, `d${this.rows.length}`, id, time, { id, version }), time);
  }

  /** Pauses all enforcement, or lets it go on. */
  turn(type: string, time = 0): PlacedEvent {
    const id = `w${this.rows.length}`;
    return this.#append(changeEvent(type, id, 'all', time, { id }), time);
  }

  lift(made: Enforcement, time: number): PlacedEvent {
    return this.#append(liftEvent(`l${this.rows.length}`, time, made), time);
  }

  /** Records that a process sends which reads from `first` up to `next`, cut after each of `cuts`. */
  regroup(cuts: readonly number[] = [], first = 0, next = this.rows.length): RegroupedRecord[] {
    const regrouper = new Regrouper();
    for (const row of this.rows.slice(0, first)) regrouper.apply(row);
    const { sources, partition: source, partitions } = this;
    const batch = new RegroupedBatch({ log: LOG, source, sources, partitions });
    const records: RegroupedRecord[] = [];
    const cut = (upTo: number) => {
      for (const { value } of batch.take(upTo)) {
        const decoded = decodeRegrouped(value);
        if (!decoded.ok) throw new Error(decoded.reason);
        records.push(decoded.record);
      }
    };
    for (const row of this.rows.slice(first, next)) {
      batch.add(row, regrouper.apply(row));
      if (cuts.includes(row.offset)) cut(row.acceptedAt);
    }
    cut(this.rows[next - 1]?.acceptedAt ?? 0);
    return records;
  }

  #append(event: object, acceptedAt: number): PlacedEvent {
    const place = { partition: this.partition, offset: this.rows.length, index: 0, acceptedAt };
    const row = { ...(event as PlacedEvent), ...place };
    this.rows.push(row);
    return row;
  }
}
