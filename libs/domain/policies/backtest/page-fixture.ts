/** Pages of events as a usage store hands them over, for tests and benchmarks. */
import { dimensionOf } from '../../events/event-dimension.js';
import { DIMENSION_FIELDS, isOwnType, type PlacedEvent } from '../../events/usage-event.js';
import { type StoredColumn, type TextColumn, textColumns } from './stored-columns.js';

/** As `EventPage` reads it. */
export function pageOf(events: readonly PlacedEvent[], columns: readonly StoredColumn[]): Buffer {
  const texts = textColumns(columns);
  return Buffer.concat(
    events.flatMap((event) => {
      const { offset, index, acceptedAt, time, type, source, data } = event;
      const numbers = Buffer.alloc(28);
      numbers.writeBigUInt64LE(BigInt(offset), 0);
      numbers.writeUInt32LE(index, 8);
      numbers.writeBigInt64LE(BigInt(Math.floor(acceptedAt)), 12);
      numbers.writeBigInt64LE(BigInt(Math.floor(time)), 20);
      const isAsked = columns.includes('data') || isOwnType(type);
      const last = isAsked && data !== null ? JSON.stringify(data) : '';
      return [numbers, ...[type, source, ...texts.map((column) => textIn(event, column)), last].flatMap(textOf)];
    }),
  );
}

function textIn(event: PlacedEvent, column: TextColumn): string {
  return column === 'subject' || column === 'id' ? event[column] : dimensionOf(event, DIMENSION_FIELDS[column]);
}

/** Led by its length as LEB128. */
function textOf(text: string): Buffer[] {
  const bytes = Buffer.from(text);
  const length: number[] = [];
  for (let left = bytes.length; ; left >>>= 7) {
    length.push(left < 0x80 ? left : (left & 0x7f) | 0x80);
    if (left < 0x80) return [Buffer.from(length), bytes];
  }
}
