import type { Position } from '#domain/log/position.js';

/** Where rows that this node has recorded stand in the event log that everyone reads. */
export abstract class LogArrival {
  /**
   * Next offsets by partition, above all rows of the record that was recorded at `place`; undefined when they are
   * durable on this node and the log is away: they go there later.
   */
  abstract of(place: Position): Promise<readonly Position[] | undefined>;
}

/** What is recorded goes straight into the log. */
export class ArrivalInPlace extends LogArrival {
  async of({ partition, offset }: Position): Promise<readonly Position[]> {
    return [{ partition, offset: offset + 1 }];
  }
}
