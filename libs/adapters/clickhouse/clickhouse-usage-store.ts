/** UsageStore on ClickHouse or chDB. Why the token alone is not enough: docs/adr/0004-exactly-once.md. */
import { KeymeterError } from '#domain/errors.js';
import { type DeadLetter, type Proof, type StoredIdentity, type UsageBlock, UsageStore } from '#ports/usage-store.js';
import { migrate, type Retention } from './migrations.js';
import { mendDaysSince, mendRollups } from './rollup-mending.js';
import type { SqlClient } from './sql-client.js';

/** Sent with every insert: defaults of these have moved between releases (ClickHouse 24–26). */
const EXACT_INSERT = {
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_insert: 'enable',
  deduplicate_blocks_in_dependent_materialized_views: 1,
  input_format_parallel_parsing: 0,
  input_format_skip_unknown_fields: 1,
  // Small parts are read whole anyway; merges build the indexes of larger ones.
  materialize_skip_indexes_on_insert: 0,
  // One thread: on small inserts the engine otherwise spends most of its time starting and ending threads.
  max_threads: 1,
  max_insert_threads: 1,
  // With more than 100,000 groups the engine splits them over 256 buckets, and each bucket would become a part.
  group_by_two_level_threshold: 0,
  group_by_two_level_threshold_bytes: 0,
  min_insert_block_size_rows: 0,
  min_insert_block_size_bytes: 0,
} as const;

const WITHOUT_DEDUPLICATION = { ...EXACT_INSERT, insert_deduplicate: 0, deduplicate_insert: 'disable' } as const;

/** The engine reserves memory for a whole block before it reads: a block just as large as the rows that come. */
function oneBlock(rows: number) {
  return { max_insert_block_size: rows + 1 };
}

const HASHES_PER_PAGE = 500_000;
const HASHES_PER_LOOKUP = 20_000;

export class ClickHouseUsageStore extends UsageStore {
  constructor(
    private readonly client: SqlClient,
    private readonly retention: Retention,
  ) {
    super();
  }

  async prepare(): Promise<void> {
    await migrate(this.client, this.retention);
    await this.#probeDeduplication();
  }

  async insert(block: UsageBlock): Promise<void> {
    await this.client.insert('keymeter.events', block.rows, {
      ...EXACT_INSERT,
      ...oneBlock(block.count),
      insert_deduplication_token: block.token,
    });
  }

  async prove(block: UsageBlock): Promise<Proof> {
    await this.insert(block);
    const missingRows = await this.#insertMissing(block);
    const mendedWindows = await mendRollups(this.client, block);
    return { missingRows, mendedWindows };
  }

  mendSince(day: string): Promise<number> {
    return mendDaysSince(this.client, day);
  }

  async nextOffset(partition: number): Promise<number> {
    const rows = await this.client.query<{ next: string | number }>(
      'SELECT if(count() = 0, 0, max(offset) + 1) AS next FROM keymeter.events WHERE partition = {partition:UInt16}',
      { partition },
    );
    return Number(rows[0]?.next ?? 0);
  }

  async withHashes(hashes: readonly number[]): Promise<StoredIdentity[]> {
    const found: StoredIdentity[] = [];
    for (let at = 0; at < hashes.length; at += HASHES_PER_LOOKUP) {
      const rows = await this.client.query<Record<string, string>>(
        `SELECT partition, offset, idx, source, id, fingerprint, toUnixTimestamp64Milli(accepted_at) AS accepted
         FROM keymeter.events WHERE id_hash IN {hashes:Array(UInt64)}`,
        { hashes: hashes.slice(at, at + HASHES_PER_LOOKUP) },
      );
      for (const row of rows) found.push(storedIdentity(row));
    }
    return found;
  }

  async *identityHashes(partition?: number): AsyncIterable<readonly number[]> {
    const ofPartition = partition === undefined ? '' : `AND partition = ${Number(partition)}`;
    const days = await this.client.query<{ day: string }>(
      'SELECT DISTINCT toString(toDate(accepted_at)) AS day FROM keymeter.events ORDER BY day',
    );
    for (const { day } of days) {
      for (let page = 0; ; page++) {
        const rows = await this.client.query<{ hashes: (string | number)[] }>(
          `SELECT groupArray(id_hash) AS hashes FROM (SELECT id_hash FROM keymeter.events
           WHERE toDate(accepted_at) = {day:Date} AND id_hash != 0 ${ofPartition} ORDER BY partition, offset, idx
           LIMIT {limit:UInt64} OFFSET {skip:UInt64})`,
          { day, limit: HASHES_PER_PAGE, skip: page * HASHES_PER_PAGE },
        );
        const hashes = (rows[0]?.hashes ?? []).map(Number);
        if (hashes.length > 0) yield hashes;
        if (hashes.length < HASHES_PER_PAGE) break;
      }
    }
  }

  async insertDeadLetters(letters: readonly DeadLetter[]): Promise<void> {
    const rows = letters.map((letter) =>
      JSON.stringify({
        partition: letter.partition,
        offset: letter.offset,
        idx: letter.index,
        accepted_at: letter.acceptedAt,
        reason: letter.reason,
        detail: letter.detail,
        source: letter.source,
        id: letter.id,
        bytes_base64: letter.bytes.toString('base64'),
      }),
    );
    await this.client.insert('keymeter.dead_letters', Buffer.from(rows.join('\n')), { async_insert: 0 });
  }

  async close(): Promise<void> {
    await this.client.close();
  }

  /** Rows of the block that raw lacks, inserted without a token: a burnt token would drop them again. */
  async #insertMissing(block: UsageBlock): Promise<number> {
    const { partition, first, next } = block.range;
    const present = await this.client.query<{ offset: string; idx: number }>(
      `SELECT offset, idx FROM keymeter.events WHERE partition = {partition:UInt16} AND offset >= {first:UInt64}
       AND offset < {next:UInt64} AND toDate(accepted_at) = {day:Date}`,
      { partition, first, next, day: block.acceptedDay },
    );
    if (present.length > block.count) {
      throw new KeymeterError(
        'OFFSET_BEHIND_DATA',
        `Offsets [${first}, ${next}) of partition ${partition} hold ${present.length} rows; the log gives ${block.count}. The log is not the one these rows came from.`,
      );
    }
    if (present.length === block.count) return 0;
    const known = new Set(present.map(({ offset, idx }) => `${offset}:${idx}`));
    const missing = block.rows
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '' && !known.has(rowPosition(line)));
    const settings = { ...WITHOUT_DEDUPLICATION, ...oneBlock(missing.length) };
    await this.client.insert('keymeter.events', Buffer.from(`${missing.join('\n')}\n`), settings);
    return missing.length;
  }

  async #probeDeduplication(): Promise<void> {
    const settings = 'SETTINGS non_replicated_deduplication_window = 10';
    await this.client.command('DROP TABLE IF EXISTS keymeter.probe_view');
    await this.client.command('DROP TABLE IF EXISTS keymeter.probe_total');
    await this.client.command('DROP TABLE IF EXISTS keymeter.probe');
    await this.client.command(`CREATE TABLE keymeter.probe (n UInt8) ENGINE = MergeTree ORDER BY n ${settings}`);
    await this.client.command(
      `CREATE TABLE keymeter.probe_total (n UInt8, c Int64) ENGINE = SummingMergeTree ORDER BY n ${settings}`,
    );
    await this.client.command(
      'CREATE MATERIALIZED VIEW keymeter.probe_view TO keymeter.probe_total AS SELECT n, toInt64(count()) AS c FROM keymeter.probe GROUP BY n',
    );
    for (let attempt = 0; attempt < 2; attempt++) {
      await this.client.insert('keymeter.probe', Buffer.from('{"n":1}\n'), {
        ...EXACT_INSERT,
        insert_deduplication_token: 'probe',
      });
    }
    const [row] = await this.client.query<{ raw: string; folded: string }>(
      'SELECT (SELECT count() FROM keymeter.probe) AS raw, (SELECT sum(c) FROM keymeter.probe_total) AS folded',
    );
    if (Number(row?.raw) !== 1 || Number(row?.folded) !== 1) {
      throw new KeymeterError(
        'STORE_REFUSED',
        `The usage store counted one repeated insert ${row?.raw} times in a table and ${row?.folded} times in its view: this engine version or its settings cannot count exactly.`,
      );
    }
  }
}

/** `offset:idx` of a row that begins with partition, offset and idx, as the consumer writes it. */
function rowPosition(line: string): string {
  const match = /^\{"partition":\d+,"offset":(\d+),"idx":(\d+),/.exec(line);
  return match ? `${match[1]}:${match[2]}` : '';
}

function storedIdentity(row: Record<string, string>): StoredIdentity {
  return {
    partition: Number(row.partition),
    offset: Number(row.offset),
    index: Number(row.idx),
    source: String(row.source),
    id: String(row.id),
    fingerprint: Number(row.fingerprint),
    acceptedAt: Number(row.accepted),
  };
}
