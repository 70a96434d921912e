/**
 * Fates of rows from what the consumers have stored: a row that is counted stands among the events, one in conflict or
 * that cannot be read among the dead letters, and what is in neither was a duplicate. True once the range is committed.
 */
import { ClickHouseEventLookup } from '#adapters/clickhouse/clickhouse-event-lookup.js';
import { letterReasons } from '#adapters/clickhouse/clickhouse-letter-reasons.js';
import { HttpSqlClient } from '#adapters/clickhouse/http-sql-client.js';
import type { SqlClient } from '#adapters/clickhouse/sql-client.js';
import type { KafkaSharedLog } from '#adapters/kafka/kafka-shared-log.js';
import { type EventPosition, formatPlace, latestPositions } from '#domain/log/position.js';
import type { Clock } from '#ports/clock.js';
import { type RowFate, RowFates } from '#ports/row-fates.js';
import { clickhouseOptions } from '#runtime/config/cluster-options.js';
import type { Settings } from '#runtime/config/settings.js';
import type { ClusterLog } from './cluster-log.js';
import { CONSUMER_GROUP } from './group-names.js';
import { PolledProgress } from './polled-progress.js';

export class StoredRowFates extends RowFates {
  readonly #lookup: ClickHouseEventLookup;
  readonly #progress: PolledProgress;

  constructor(
    private readonly log: Pick<KafkaSharedLog, 'partitions' | 'ends' | 'begins' | 'committed'>,
    private readonly client: SqlClient,
    clock: Clock,
    private readonly onClose: () => Promise<void> = async () => undefined,
  ) {
    super();
    this.#lookup = new ClickHouseEventLookup(client);
    this.#progress = new PolledProgress(log, clock);
  }

  static async open(settings: Settings, log: ClusterLog, clock: Clock): Promise<StoredRowFates> {
    const { cluster: _, ...server } = clickhouseOptions(settings);
    const shared = await log.openShared(CONSUMER_GROUP);
    const client = new HttpSqlClient(server);
    return new StoredRowFates(shared, client, clock, async () => {
      await shared.close();
      await client.close();
    });
  }

  async of(rows: readonly EventPosition[], timeoutMs: number): Promise<readonly RowFate[] | 'undecided' | 'unknown'> {
    if (!(await this.#held(rows))) return 'unknown';
    const nexts = rows.map(({ partition, offset }) => ({ partition, offset: offset + 1 }));
    if (!(await this.#progress.waitFor(latestPositions([], nexts), timeoutMs))) return 'undecided';
    const ids = await this.#lookup.idsAt(rows);
    const others = rows.filter((_, i) => ids[i] === undefined);
    const reasons = others.length === 0 ? undefined : await letterReasons(this.client, others);
    return rows.map((place, i) => {
      if (ids[i] !== undefined) return 'accepted';
      return reasons?.get(formatPlace(place)) ?? 'duplicate';
    });
  }

  close(): Promise<void> {
    return this.onClose();
  }

  /** Raw events are kept for longer than the log, so of what the log holds nothing has expired. */
  async #held(rows: readonly EventPosition[]): Promise<boolean> {
    const [begins, ends] = [await this.log.begins(), await this.log.ends()];
    return rows.every(({ partition, offset }) => {
      return offset >= (begins[partition] ?? Number.POSITIVE_INFINITY) && offset < (ends[partition] ?? 0);
    });
  }
}
