/** Opens what stands behind the log in the data folder: the usage engine, offsets, engine snapshots, known ids. */
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { ClickHouseAuditTrail } from '#adapters/clickhouse/clickhouse-audit-trail.js';
import { ClickHouseDeadLetterBook } from '#adapters/clickhouse/clickhouse-dead-letter-book.js';
import { ClickHouseEventHistory } from '#adapters/clickhouse/clickhouse-event-history.js';
import { ClickHouseEventLookup } from '#adapters/clickhouse/clickhouse-event-lookup.js';
import { ClickHouseUsageBooks } from '#adapters/clickhouse/clickhouse-usage-books.js';
import { ClickHouseUsageReader } from '#adapters/clickhouse/clickhouse-usage-reader.js';
import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import type { Retention } from '#adapters/clickhouse/migrations.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbAuditHeads } from '#adapters/lmdb/lmdb-audit-heads.js';
import { LmdbEngineSnapshotStore } from '#adapters/lmdb/lmdb-engine-snapshot-store.js';
import { LmdbOffsetStore } from '#adapters/lmdb/lmdb-offset-store.js';
import { Deduplicator } from '#stream/deduplicator.js';

export interface EmbeddedUsageOptions {
  readonly folders: { readonly progress: string; readonly usage: string };
  readonly retention: Retention;
  readonly dedupe: { readonly windowMs: number; readonly filterBytes: number };
}

export interface EmbeddedUsage {
  readonly client: ChdbSqlClient;
  readonly store: ClickHouseUsageStore;
  readonly reader: ClickHouseUsageReader;
  readonly lookup: ClickHouseEventLookup;
  readonly history: ClickHouseEventHistory;
  readonly books: ClickHouseUsageBooks;
  readonly letters: ClickHouseDeadLetterBook;
  readonly trail: ClickHouseAuditTrail;
  readonly heads: LmdbAuditHeads;
  readonly offsets: LmdbOffsetStore;
  readonly snapshots: LmdbEngineSnapshotStore;
  /** Knows every id that is stored; how many those are. */
  readonly deduplicator: Deduplicator;
  readonly knownIds: number;
  close(): Promise<void>;
}

export async function openEmbeddedUsage({ folders, retention, dedupe }: EmbeddedUsageOptions): Promise<EmbeddedUsage> {
  const environment = await openEnvironment(folders.progress);
  const client = new ChdbSqlClient(folders.usage);
  const store = new ClickHouseUsageStore(client, retention);
  await store.prepare();
  const deduplicator = new Deduplicator(store, dedupe);
  const knownIds = await deduplicator.load();
  return {
    client,
    store,
    reader: new ClickHouseUsageReader(client),
    lookup: new ClickHouseEventLookup(client),
    history: new ClickHouseEventHistory(client),
    books: new ClickHouseUsageBooks(client, retention),
    letters: new ClickHouseDeadLetterBook(client),
    trail: new ClickHouseAuditTrail(client),
    heads: new LmdbAuditHeads(environment),
    offsets: new LmdbOffsetStore(environment),
    snapshots: new LmdbEngineSnapshotStore(environment),
    deduplicator,
    knownIds,
    close: async () => {
      await client.close();
      await environment.close();
    },
  };
}
