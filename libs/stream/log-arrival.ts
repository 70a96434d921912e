import type { EventPosition, Position } from '#domain/log/position.js';

export interface Arrived {
  /** Next offsets by partition, above all rows of the record. */
  readonly positions: readonly Position[];
  /** Where each row stands, in their order; absent where the record stands in the log as it was recorded. */
  readonly rows?: readonly EventPosition[];
}

/** Where rows that this node has recorded stand in the event log that everyone reads. */
export abstract class LogArrival {
  /** Of the record that was recorded at `place`; undefined when the log is away: then it goes there later. */
  abstract of(place: Position): Promise<Arrived | undefined>;
}

/** What is recorded goes straight into the log. */
export class ArrivalInPlace extends LogArrival {
  async of({ partition, offset }: Position): Promise<Arrived> {
    return { positions: [{ partition, offset: offset + 1 }] };
  }
}
