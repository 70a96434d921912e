/** The usage store over HTTP, as one process uses it. */
import { ClickHouseAuditTrail } from '#adapters/clickhouse/clickhouse-audit-trail.js';
import { ClickHouseDeadLetterBook } from '#adapters/clickhouse/clickhouse-dead-letter-book.js';
import { ClickHouseEventHistory } from '#adapters/clickhouse/clickhouse-event-history.js';
import { ClickHouseEventLookup } from '#adapters/clickhouse/clickhouse-event-lookup.js';
import { ClickHouseUsageBooks } from '#adapters/clickhouse/clickhouse-usage-books.js';
import { ClickHouseUsageReader } from '#adapters/clickhouse/clickhouse-usage-reader.js';
import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { HttpSqlClient } from '#adapters/clickhouse/http-sql-client.js';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { KeymeterError } from '#domain/errors.js';
import { clickhouseOptions } from '#runtime/config/cluster-options.js';
import { usageRetention } from '#runtime/config/embedded-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { withinStart } from './within-start.js';

const TABLES_WITHIN_MS = 30_000;

export interface ClusterUsage {
  readonly store: ClickHouseUsageStore;
  readonly reader: ClickHouseUsageReader;
  readonly lookup: ClickHouseEventLookup;
  readonly history: ClickHouseEventHistory;
  readonly books: ClickHouseUsageBooks;
  readonly letters: ClickHouseDeadLetterBook;
  readonly trail: ClickHouseAuditTrail;
  close(): Promise<void>;
}

/** `prepares`: creates tables and probes the engine; others find them made. */
export async function openClusterUsage(settings: Settings, { prepares }: { prepares: boolean }): Promise<ClusterUsage> {
  const { cluster, ...server } = clickhouseOptions(settings);
  const client = new HttpSqlClient(server);
  // Another machine's end is not seen from here: rollups go to its disk with every insert.
  const store = new ClickHouseUsageStore(client, usageRetention(settings), { cluster, flushRollups: true });
  const ready = () => (prepares ? store.prepare() : madeByConsumers(client));
  await withinStart(new SystemClock(), 'KEYMETER_CLICKHOUSE_URL', ready);
  return {
    store,
    reader: new ClickHouseUsageReader(client),
    lookup: new ClickHouseEventLookup(client),
    history: new ClickHouseEventHistory(client),
    books: new ClickHouseUsageBooks(client, usageRetention(settings)),
    letters: new ClickHouseDeadLetterBook(client, { cluster }),
    trail: new ClickHouseAuditTrail(client, { cluster }),
    close: () => client.close(),
  };
}

/** A consumer that starts at this moment creates the tables. */
async function madeByConsumers(client: HttpSqlClient): Promise<void> {
  const until = performance.now() + TABLES_WITHIN_MS;
  for (;;) {
    const [row] = await client.query<{ n: string | number }>(
      "SELECT count() AS n FROM system.tables WHERE database = 'keymeter' AND name = 'audit_chain'",
    );
    if (Number(row?.n) > 0) return;
    if (performance.now() > until) {
      throw new KeymeterError(
        'CONFIG_INVALID',
        'KEYMETER_CLICKHOUSE_URL: the tables are missing there; start a consumer, which creates them.',
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
