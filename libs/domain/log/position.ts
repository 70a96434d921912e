/**
 * Where a record stands in the event log. An offset in a committed or waited-for position is always
 * the NEXT one to read, as in Kafka. Offsets are numbers: 2^53 records outlive any deployment.
 */
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

export function comparePositions(a: EventPosition, b: EventPosition): number {
  return a.partition - b.partition || a.offset - b.offset || a.index - b.index;
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
