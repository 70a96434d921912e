/** Collects what a regrouper says into records by partition of the regrouped log. Pure. */
import { partitionOf } from '../log/partitioning.js';
import type { CountedEvent } from './decision.js';
import type { Policy } from './policy.js';
import type { RegroupedEntry, RegroupedRecord, ShownEntry } from './regrouped-record.js';
import type { Regrouped } from './regrouper.js';

export interface RegroupedSource {
  /** Id of the topic of events. */
  readonly log: string;
  readonly source: number;
  readonly sources: number;
  /** Of the regrouped log. */
  readonly partitions: number;
}

export interface PlacedRecord {
  readonly partition: number;
  readonly value: Buffer;
}

interface OpenRecord {
  readonly policies: Policy[];
  readonly entries: RegroupedEntry[];
  bytes: number;
}

/** Below Kafka's default of 1 MiB for a request; what one event means is never cut. */
const MAX_RECORD_BYTES = 700_000;
const ENTRY_BYTES = 80;
const MEASURE_BYTES = 30;
const CHANGE_BYTES = 1_000;
const MAX_BYTES_PER_UNIT = 3;

export class RegroupedBatch {
  readonly #open = new Map<number, OpenRecord>();
  #full: PlacedRecord[] = [];
  #upTo = 0;

  constructor(
    private readonly source: RegroupedSource,
    private readonly maxRecordBytes = MAX_RECORD_BYTES,
    /** All enforcement is paused for what is added from here on. */
    private isPaused = false,
  ) {}

  /** All that one event means, at once. */
  add(event: CountedEvent, said: readonly Regrouped[]): void {
    const touched = new Set<number>();
    for (const it of said) {
      if (it.kind === 'paused') {
        this.#pause(it.isPaused);
        continue;
      }
      const partitions = it.kind === 'gone' ? this.#all() : [partitionOf(it.target, this.source.partitions)];
      for (const partition of partitions) {
        put(this.#at(partition), event, it);
        touched.add(partition);
      }
    }
    for (const partition of touched) {
      const record = this.#at(partition);
      if (record.bytes > this.maxRecordBytes) this.#close(partition, record);
    }
  }

  /** Ends the batch: its records, in the order in which those of one partition have to be sent. */
  take(upTo: number): readonly PlacedRecord[] {
    this.#upTo = Math.max(this.#upTo, upTo);
    for (const [partition, record] of [...this.#open]) this.#close(partition, record);
    const taken = this.#full;
    this.#full = [];
    return taken;
  }

  /** Records without entries for all partitions: the source has come so far. */
  marks(upTo: number): readonly PlacedRecord[] {
    this.#upTo = Math.max(this.#upTo, upTo);
    return this.#all().map((partition) => ({ partition, value: this.#encode([], []) }));
  }

  /** A record is of one kind. */
  #pause(isPaused: boolean): void {
    for (const [partition, record] of [...this.#open]) this.#close(partition, record);
    this.isPaused = isPaused;
  }

  #all(): number[] {
    return Array.from({ length: this.source.partitions }, (_, partition) => partition);
  }

  #at(partition: number): OpenRecord {
    let record = this.#open.get(partition);
    if (record === undefined) {
      record = { policies: [], entries: [], bytes: 0 };
      this.#open.set(partition, record);
    }
    return record;
  }

  #close(partition: number, { policies, entries }: OpenRecord): void {
    this.#open.delete(partition);
    this.#full.push({ partition, value: this.#encode(policies, entries) });
  }

  #encode(policies: Policy[], entries: RegroupedEntry[]): Buffer {
    const { log, source, sources } = this.source;
    const record: RegroupedRecord = { v: 1, log, source, sources, upTo: this.#upTo, policies, entries };
    return Buffer.from(JSON.stringify(this.isPaused ? { ...record, paused: true } : record));
  }
}

type Said<Kind extends Regrouped['kind']> = Extract<Regrouped, { kind: Kind }>;

function put(record: OpenRecord, event: CountedEvent, said: Exclude<Regrouped, { kind: 'paused' }>): void {
  if (said.kind === 'counted') putCounted(record, event, said);
  else if (said.kind === 'shown') putShown(record, said);
  else putChange(record, event, said);
}

function putCounted(record: OpenRecord, event: CountedEvent, { target, measures }: Said<'counted'>): void {
  const { offset, index, time, acceptedAt } = event;
  const numbered = measures.map(({ policy, units, nanos }): [number, number, number] => [
    numberOf(record, policy),
    units,
    nanos,
  ]);
  record.entries.push([offset, index, time, acceptedAt, target, numbered]);
  record.bytes += ENTRY_BYTES + MAX_BYTES_PER_UNIT * target.length + MEASURE_BYTES * numbered.length;
}

/** An event goes once into a record, whoever looks at it there. */
function putShown(record: OpenRecord, { event: shown, policies }: Said<'shown'>): void {
  const numbers = policies.map((policy) => numberOf(record, policy));
  const last = record.entries.at(-1);
  if (last && 'for' in last && last.offset === shown.offset && last.index === shown.index) {
    last.for.push(...numbers);
    return;
  }
  const { offset, index, acceptedAt, id, source, type, subject, time, data } = shown;
  const entry: ShownEntry = {
    offset,
    index,
    acceptedAt,
    event: { id, source, type, subject, time, data },
    for: numbers,
  };
  record.entries.push(entry);
  record.bytes += Buffer.byteLength(JSON.stringify(entry));
}

function putChange(record: OpenRecord, { offset, index }: CountedEvent, said: Said<'lifted' | 'gone'>): void {
  const { kind: _, ...content } = said;
  record.entries.push('lift' in content ? { offset, index, lift: content.lift } : { offset, index, gone: content });
  record.bytes += CHANGE_BYTES;
}

function numberOf(record: OpenRecord, policy: Policy): number {
  const known = record.policies.indexOf(policy);
  if (known >= 0) return known;
  record.bytes += Buffer.byteLength(JSON.stringify(policy));
  return record.policies.push(policy) - 1;
}
