/**
 * Which rows of a partition count there. Once a partition is split, what a writer who did not know of it yet has put
 * there all the same belongs elsewhere: it does not count here and is passed on, under the id that it has. A function of
 * the log alone: a replay from any offset passes the same rows on.
 */

import { identityHash } from '#domain/events/hash53.js';
import type { UsageEvent } from '#domain/events/usage-event.js';
import { withId, withIdHash } from '#domain/events/usage-row.js';
import { childrenOf, type PartitionSplit } from '#domain/log/partition-growth.js';
import { partitionKeyOf, partitionOf } from '#domain/log/partitioning.js';
import { LOG_SOURCE, readSplit } from '#domain/log/split-row.js';
import { concernsEveryPartition } from '#domain/policies/policy-change.js';
import { changeRowId } from './frame-router.js';

export interface PassedRow {
  readonly partition: number;
  readonly line: string;
}

export interface SieveStart {
  readonly partition: number;
  /** How many partitions there were when the log was new, and when this one came. */
  readonly first: number;
  readonly born: number;
  /** Splits that stand in the partition, as far as they are known. */
  readonly splits: readonly PartitionSplit[];
  /** Where reading begins. */
  readonly offset: number;
}

export class RowSieve {
  readonly partition: number;
  readonly #first: number;
  #splits: PartitionSplit[];
  #inForce: number;

  constructor({ partition, first, born, splits, offset }: SieveStart) {
    this.partition = partition;
    this.#first = first;
    this.#splits = splits.filter(({ at }) => at < offset);
    this.#inForce = this.#splits.at(-1)?.partitions ?? born;
  }

  /** Among how many partitions a row at the place reached belongs to this one. */
  get inForce(): number {
    return this.#inForce;
  }

  /** A split that begins at this row; a repeated one, or one that skips what is in force, is none. */
  split(event: UsageEvent, offset: number): PartitionSplit | undefined {
    const found = readSplit(event);
    if (!found || found.from !== this.#inForce || found.partitions <= found.from) return undefined;
    const split = { at: offset, ...found };
    this.#splits.push(split);
    this.#inForce = split.partitions;
    return split;
  }

  /** False where the row counts in another partition. */
  keeps(event: UsageEvent): boolean {
    if (this.#inForce === this.#first || event.source === LOG_SOURCE || concernsEveryPartition(event)) return true;
    return this.#home(event) === this.partition;
  }

  /** What has to be brought to other partitions because of this row. */
  passes(event: UsageEvent, line: string): readonly PassedRow[] {
    if (this.#inForce === this.#first || event.source === LOG_SOURCE) return [];
    if (!concernsEveryPartition(event)) {
      const home = this.#home(event);
      return home === this.partition ? [] : [{ partition: home, line }];
    }
    return this.#splits
      .flatMap((split) => childrenOf(this.partition, split))
      .map((child) => this.#copy(event, line, child));
  }

  #home(event: UsageEvent): number {
    return partitionOf(partitionKeyOf(event), this.#inForce);
  }

  /** Under the id that a writer who knows of the partition gives it: the same change comes there once. */
  #copy(event: UsageEvent, line: string, partition: number): PassedRow {
    const id = changeRowId(event.id.slice(0, event.id.lastIndexOf('@')), partition);
    const hashed = withIdHash(withId(withoutHash(line, event.idHash), event.id, id), identityHash(event.source, id));
    return { partition, line: hashed };
  }
}

function withoutHash(line: string, idHash: number): string {
  return line.replace(`{"id_hash":${idHash},`, '{"id_hash":0,');
}
