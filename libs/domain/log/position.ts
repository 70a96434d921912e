/**
 * Where a record stands in the event log. An offset in a committed or waited-for position is always
 * the NEXT one to read, as in Kafka. Offsets are numbers: 2^53 records outlive any deployment.
 */
import { partitionOrder } from './archive.js';

export interface Position {
  readonly partition: number;
  readonly offset: number;
}

/** An event's place: the record's position and the event's index inside that record's frame. */
export interface EventPosition extends Position {
  readonly index: number;
}

/** Offsets `[first, next)` of one partition. */
export interface OffsetRange {
  readonly partition: number;
  readonly first: number;
  readonly next: number;
}

/** Events `[first, last]` by index of the record at a position. */
export interface RowRange extends Position {
  readonly first: number;
  readonly last: number;
}

/** What stands side by side in one record as one range; ascending. */
export function rangesOf(places: readonly EventPosition[]): RowRange[] {
  const ranges: RowRange[] = [];
  for (const { partition, offset, index } of [...places].sort(comparePositions)) {
    const open = ranges.at(-1);
    const goesOn = open?.partition === partition && open.offset === offset && open.last + 1 === index;
    if (open && goesOn) ranges[ranges.length - 1] = { ...open, last: index };
    else ranges.push({ partition, offset, first: index, last: index });
  }
  return ranges;
}

/** `0:17:0-12,5:8:3-3` */
export function formatRows(ranges: readonly RowRange[]): string {
  return ranges.map(({ partition, offset, first, last }) => `${partition}:${offset}:${first}-${last}`).join(',');
}

/** The places that the ranges name, at most `most`; undefined when the text is no list of ranges, or names more. */
export function parseRows(text: string, most: number): EventPosition[] | undefined {
  const places: EventPosition[] = [];
  for (const part of text.split(',')) {
    const match = /^(\d{1,5}):(\d{1,15}):(\d{1,9})-(\d{1,9})$/.exec(part);
    if (!match) return undefined;
    const [partition = 0, offset = 0, first = 0, last = 0] = match.slice(1).map(Number);
    if (places.length + last - first + 1 > most || last < first) return undefined;
    for (let index = first; index <= last; index++) places.push({ partition, offset, index });
  }
  return places;
}

export function comparePositions(a: EventPosition, b: EventPosition): number {
  return partitionOrder(a.partition) - partitionOrder(b.partition) || a.offset - b.offset || a.index - b.index;
}

/** `partition:offset:index` */
export function formatPlace({ partition, offset, index }: EventPosition): string {
  return `${partition}:${offset}:${index}`;
}

/** Undefined when the text is no place. */
export function parsePlace(text: string): EventPosition | undefined {
  const match = /^(\d{1,5}):(\d{1,15}):(\d{1,9})$/.exec(text);
  return match ? { partition: Number(match[1]), offset: Number(match[2]), index: Number(match[3]) } : undefined;
}

/** `0:17,3:5`, as sent in the KeyMeter-Position header; partitions ascending. */
export function formatPositions(positions: readonly Position[]): string {
  return positions.map((p) => `${p.partition}:${p.offset}`).join(',');
}

/** Undefined when the text is no list of positions. */
export function parsePositions(text: string): Position[] | undefined {
  const positions: Position[] = [];
  for (const part of text.split(',')) {
    const match = /^(\d{1,5}):(\d{1,16})$/.exec(part);
    if (!match) return undefined;
    const position = { partition: Number(match[1]), offset: Number(match[2]) };
    if (!Number.isSafeInteger(position.offset)) return undefined;
    positions.push(position);
  }
  return positions;
}

/** For each partition the later of both: who waits for it waits for both. */
export function latestPositions(a: readonly Position[], b: readonly Position[]): Position[] {
  const latest = new Map(a.map(({ partition, offset }) => [partition, offset]));
  for (const { partition, offset } of b) latest.set(partition, Math.max(offset, latest.get(partition) ?? 0));
  return [...latest].map(([partition, offset]) => ({ partition, offset })).sort((x, y) => x.partition - y.partition);
}
