/** For how long each partition has stood still although there was something to read. */
import type { Clock } from '#ports/clock.js';

export interface PartitionPosition {
  readonly partition: number;
  /** The next offset to be taken: all below it is done. */
  readonly next: number;
  /** The next offset to be written. */
  readonly end: number;
}

interface Standing {
  readonly next: number;
  readonly isBehind: boolean;
  /** When it last moved, or last had nothing to read. */
  readonly since: number;
}

export class ProgressAges {
  #standing = new Map<number, Standing>();

  constructor(private readonly clock: Pick<Clock, 'monotonic'>) {}

  /** What a look has found. Partitions that are not among it are forgotten. */
  found(positions: readonly PartitionPosition[]): void {
    const now = this.clock.monotonic();
    const before = this.#standing;
    const standing = ({ partition, next, end }: PartitionPosition): [number, Standing] => {
      const was = before.get(partition);
      const isBehind = next < end;
      const stands = isBehind && was?.next === next;
      return [partition, { next, isBehind, since: stands ? was.since : now }];
    };
    this.#standing = new Map(positions.map(standing));
  }

  /** By partition, ms; 0 where there is nothing to read. Goes on growing while nobody can look. */
  ages(): ReadonlyMap<number, number> {
    const now = this.clock.monotonic();
    return new Map(
      [...this.#standing].map(([partition, { isBehind, since }]) => [partition, isBehind ? now - since : 0]),
    );
  }
}
