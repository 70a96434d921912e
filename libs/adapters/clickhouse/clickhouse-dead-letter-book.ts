import type { EventPosition } from '#domain/log/position.js';
import { DeadLetterBook, type LetterAction, type WaitingLetters } from '#ports/dead-letter-book.js';
import type { StoredDeadLetter } from '#ports/usage-reader.js';
import { type DeadLetterRow, deadLettersStatement, toStoredDeadLetter, WAITING_SQL } from './dead-letter-sql.js';
import { insertRows } from './insert-rows.js';
import type { SqlClient } from './sql-client.js';
import { EMBEDDED, type Topology } from './topology.js';

export class ClickHouseDeadLetterBook extends DeadLetterBook {
  constructor(
    private readonly client: SqlClient,
    private readonly topology: Topology = EMBEDDED,
  ) {
    super();
  }

  async find(place: EventPosition): Promise<StoredDeadLetter | undefined> {
    const { sql, parameters, settings } = deadLettersStatement({ at: place, limit: 1 });
    const [row] = await this.client.query<DeadLetterRow>(`${sql} SETTINGS ${settings}`, parameters);
    return row && toStoredDeadLetter(row);
  }

  async settle({ index: idx, ...action }: LetterAction): Promise<void> {
    await insertRows(this.client, this.topology, 'keymeter.dead_letter_actions', [{ ...action, idx }]);
  }

  async waiting(): Promise<WaitingLetters> {
    const [row] = await this.client.query<{ open: string; oldest_ms: string }>(WAITING_SQL);
    const open = Number(row?.open ?? 0);
    return open === 0 ? { open } : { open, oldestAt: Number(row?.oldest_ms) };
  }
}
