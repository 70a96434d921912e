import type { EventPosition } from '#domain/log/position.js';
import { DeadLetterBook, type LetterAction, type WaitingLetters } from '#ports/dead-letter-book.js';
import type { StoredDeadLetter } from '#ports/usage-reader.js';
import {
  type DeadLetterRow,
  deadLettersStatement,
  LETTER_SETTINGS,
  toStoredDeadLetter,
  WAITING_SQL,
} from './dead-letter-sql.js';
import type { SqlClient } from './sql-client.js';
import { EMBEDDED, insertSettings, type Topology } from './topology.js';

export class ClickHouseDeadLetterBook extends DeadLetterBook {
  constructor(
    private readonly client: SqlClient,
    private readonly topology: Topology = EMBEDDED,
  ) {
    super();
  }

  async find(place: EventPosition): Promise<StoredDeadLetter | undefined> {
    const { sql, parameters } = deadLettersStatement({ at: place, limit: 1 });
    const [row] = await this.client.query<DeadLetterRow>(`${sql} SETTINGS ${LETTER_SETTINGS}`, parameters);
    return row && toStoredDeadLetter(row);
  }

  async settle({ index: idx, ...action }: LetterAction): Promise<void> {
    await this.client.insert('keymeter.dead_letter_actions', Buffer.from(`${JSON.stringify({ ...action, idx })}\n`), {
      async_insert: 0,
      ...insertSettings(this.topology),
    });
  }

  async waiting(): Promise<WaitingLetters> {
    const [row] = await this.client.query<{ open: string; oldest_ms: string }>(WAITING_SQL);
    const open = Number(row?.open ?? 0);
    return open === 0 ? { open } : { open, oldestAt: Number(row?.oldest_ms) };
  }
}
