/** The query app on its real stores in a folder, with events put into the usage store as the consumer would. */
import { join } from 'node:path';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { ClickHouseDeadLetterBook } from '#adapters/clickhouse/clickhouse-dead-letter-book.js';
import { ClickHouseUsageBooks } from '#adapters/clickhouse/clickhouse-usage-books.js';
import { ClickHouseUsageReader, type QueryLimits } from '#adapters/clickhouse/clickhouse-usage-reader.js';
import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { OnePartition } from '#adapters/embedded/one-partition.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbKeyStore } from '#adapters/lmdb/lmdb-key-store.js';
import { LmdbMeterStore } from '#adapters/lmdb/lmdb-meter-store.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import { identityHash } from '#domain/events/hash53.js';
import { encodeRow } from '#domain/events/usage-row.js';
import { hashKey } from '#domain/keys/key-text.js';
import { Clock } from '#ports/clock.js';
import { DeadLetterBook } from '#ports/dead-letter-book.js';
import { KeyStore } from '#ports/key-store.js';
import { LogPartitions } from '#ports/log-partitions.js';
import { MeterStore } from '#ports/meter-store.js';
import { UsageProgress } from '#ports/usage-progress.js';
import { UsageReader } from '#ports/usage-reader.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { provided } from '#runtime/provided.js';
import { LogAccount } from '#stream/log-account.js';
import { FullReconciliation, Reconciliation } from '#stream/reconciliation.js';
import { RecorderAppender, RowAppender } from '#stream/row-appender.js';
import { UsageRecorder } from '#stream/usage-recorder.js';
import { CountedProgress } from '../../apps/consumer/src/counted-progress.js';
import { ReplayLimits } from '../../apps/query/src/dead-letters/dead-letter-desk.js';
import { QueryModule } from '../../apps/query/src/query.module.js';
import type { TestEvent } from './event-rows.js';
import { type Answer, type Call, type RunningApp, runApp } from './running-app.js';

export const ROOT_KEY = 'root-key-of-the-tests-0123456789';
export const NOW = Date.parse('2026-01-31T12:00:00.000Z');
const RETENTION = { events: 36_500, minute: 36_500, hour: 36_500, day: 36_500, month: 36_500 };

export class QueryApp {
  /** The next offset of the log: one past the events that were accepted. */
  #next = 0;

  private constructor(
    readonly app: RunningApp,
    readonly clock: ManualClock,
    readonly keys: LmdbKeyStore,
    readonly store: ClickHouseUsageStore,
    readonly progress: CountedProgress,
    /** Where replayed letters go; what `count` stores is not in it. */
    readonly written: SegmentLogReader,
    readonly close: () => Promise<void>,
  ) {}

  static async open(folder: string, limits?: QueryLimits): Promise<QueryApp> {
    const environment = await openEnvironment(join(folder, 'keys'));
    const client = new ChdbSqlClient(join(folder, 'usage'));
    const store = new ClickHouseUsageStore(client, RETENTION);
    await store.prepare();
    const clock = new ManualClock(NOW);
    const keys = new LmdbKeyStore(environment);
    await keys.putRootKey(rootKey(ROOT_KEY, ['*']));
    let opened: QueryApp | undefined;
    const log = { partitions: 1, highWatermark: () => opened?.next ?? 0 };
    const progress = new CountedProgress(log, clock);
    const letters = join(folder, 'log');
    const options = { folder: letters, partitions: 1, segmentBytes: 1e6, maxBytes: 1e9, reserveBytes: 0 };
    const writer = await SegmentLogWriter.open(options);
    const written = new SegmentLogReader(letters, writer.watermarks.shared);
    const books = new ClickHouseUsageBooks(client, RETENTION);
    const accounts = { committed: async () => [], rawRetentionMs: RETENTION.events * 86_400_000 };
    const reconciliation = new Reconciliation(books, new LogAccount(books, written), clock, accounts);
    const ports = provided([
      [DeadLetterBook, new ClickHouseDeadLetterBook(client)],
      [RowAppender, new RecorderAppender(new UsageRecorder(writer, clock))],
      [ReplayLimits, new ReplayLimits(10_000, 1024 * 1024, 86_400_000)],
      [FullReconciliation, reconciliation],
      [LogPartitions, new OnePartition()],
      [Clock, clock],
      [KeyStore, keys],
      [MeterStore, new LmdbMeterStore(environment)],
      [UsageReader, new ClickHouseUsageReader(client, limits)],
      [UsageProgress, progress],
    ]);
    const module = { module: class QueryTestModule {}, imports: [ports, QueryModule] };
    const app = await runApp(await createHttpApp(module, { logger: false }));
    opened = new QueryApp(app, clock, keys, store, progress, written, async () => {
      await app.close();
      await written.close();
      await writer.close();
      await client.close();
      await environment.close();
    });
    return opened;
  }

  get next(): number {
    return this.#next;
  }

  /** Accepted: in the log, not in the usage store yet. Returns the position to wait for. */
  accept(): string {
    this.#next++;
    return `0:${this.#next}`;
  }

  /** Accepted and counted. */
  async count(events: readonly TestEvent[]): Promise<string> {
    const position = this.accept();
    const offset = this.#next - 1;
    const rows = events.map((event, idx) => `${row(event, offset, idx, this.clock.now())}\n`).join('');
    const acceptedDay = new Date(this.clock.now()).toISOString().slice(0, 10);
    const range = { partition: 0, first: offset, next: offset + 1 };
    await this.store.insert({ range, token: position, acceptedDay, count: events.length, rows: Buffer.from(rows) });
    this.progress.counted({ range, newestAcceptedAt: this.clock.now() } as Parameters<CountedProgress['counted']>[0]);
    return position;
  }

  call(method: string, url: string, payload?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const call: Call = { method, url, payload, headers: { authorization: `Bearer ${ROOT_KEY}`, ...headers } };
    return this.app.inject(call);
  }

  async get<T = unknown>(url: string): Promise<T> {
    const answer = await this.call('GET', url);
    if (answer.statusCode !== 200) throw new Error(`${url}: ${answer.statusCode} ${answer.body}`);
    return answer.json() as T;
  }
}

export function rootKey(text: string, rights: string[]) {
  return { id: `root_${text}`, hash: hashKey(text), start: 'root', name: text, rights, createdAt: 0 };
}

function row(event: TestEvent, offset: number, idx: number, acceptedAt: number): string {
  const { id, source = 'svc', type = 'request', subject = 's', time, data = null, fingerprint = 1 } = event;
  const encoded = encodeRow({ id, source, type, subject, time, data, fingerprint, idHash: identityHash(source, id) });
  return `{"partition":0,"offset":${offset},"idx":${idx},"accepted_at":${acceptedAt},${encoded.slice(1)}`;
}
