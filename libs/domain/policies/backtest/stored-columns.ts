/** What may be asked of stored events: a policy that looks at two short columns need not have the data of a million read. */
import { DIMENSIONS } from '../../events/usage-event.js';

/** In the order of a row. */
export const STORED_COLUMNS = ['subject', 'id', ...DIMENSIONS, 'data'] as const;
export type StoredColumn = (typeof STORED_COLUMNS)[number];
export type TextColumn = Exclude<StoredColumn, 'data'>;

/** Everything that is known of an event. */
export const WHOLE_EVENT: readonly StoredColumn[] = ['subject', 'id', 'data'];

/** In the order of a row, where data stands last. */
export function textColumns(columns: readonly StoredColumn[]): TextColumn[] {
  return STORED_COLUMNS.filter((column): column is TextColumn => column !== 'data' && columns.includes(column));
}
