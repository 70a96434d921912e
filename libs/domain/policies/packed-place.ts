/**
 * Partition and index of an event's place as one number, so that what is kept per counted event stays two numbers also
 * where the events of one target come from several partitions. For partition 0 it is the index itself.
 */
import type { EventPosition } from '../log/position.js';

/** A frame says its number of rows in 32 bits; with partitions below 2^20 the number stays exact. */
const INDEXES = 2 ** 32;

export function packPlace({ partition, index }: Omit<EventPosition, 'offset'>): number {
  return partition * INDEXES + index;
}

export function unpackPlace(offset: number, packed: number): EventPosition {
  return { partition: Math.floor(packed / INDEXES), offset, index: packed % INDEXES };
}
