/** UsageStore on ClickHouse or chDB. Why the token alone is not enough: docs/adr/0004-exactly-once.md. */

import { FIRST_ARCHIVE } from '#domain/log/archive.js';
import type { CountedRange } from '#domain/log/counted-range.js';
import { type DeadLetter, type Proof, type StoredIdentity, type UsageBlock, UsageStore } from '#ports/usage-store.js';
import { probeDeduplication } from './deduplication-probe.js';
import { insertRows } from './insert-rows.js';
import { exactInsert, type InsertSettings, oneBlock } from './insert-settings.js';
import { migrate, type Retention } from './migrations.js';
import { RangeProof } from './range-proof.js';
import { RollupMending } from './rollup-mending.js';
import type { SqlClient } from './sql-client.js';
import { EMBEDDED, type Topology } from './topology.js';

const HASHES_PER_PAGE = 500_000;
const HASHES_PER_LOOKUP = 20_000;

export class ClickHouseUsageStore extends UsageStore {
  readonly #mending: RollupMending;
  #settings: Promise<InsertSettings> | undefined;

  constructor(
    private readonly client: SqlClient,
    private readonly retention: Retention,
    private readonly topology: Topology = EMBEDDED,
  ) {
    super();
    this.#mending = new RollupMending(client, topology);
  }

  async prepare(): Promise<void> {
    await migrate(this.client, this.retention, this.topology);
    await probeDeduplication(this.client, await this.#insertSettings(), this.topology);
  }

  async insert(block: UsageBlock): Promise<void> {
    await this.client.insert('keymeter.events', block.rows, {
      ...(await this.#insertSettings()),
      ...oneBlock(block.count),
      insert_deduplication_token: block.token,
    });
  }

  async prove(block: UsageBlock): Promise<Proof> {
    const proof = new RangeProof(this.client, this.topology, await this.#insertSettings());
    const missingRows = await proof.complete(block);
    const mendedWindows = await this.#mending.mendBlock(block);
    return { missingRows, mendedWindows };
  }

  mendSince(day: string, partition: number): Promise<number> {
    return this.#mending.mendSince(day, partition);
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
    const own = `AND (partition = ${Number(partition)} OR partition >= ${FIRST_ARCHIVE})`;
    const ofPartition = partition === undefined ? '' : own;
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
    const rows = letters.map((letter) => ({
      partition: letter.partition,
      offset: letter.offset,
      idx: letter.index,
      accepted_at: letter.acceptedAt,
      reason: letter.reason,
      detail: letter.detail,
      source: letter.source,
      id: letter.id,
      bytes_base64: letter.bytes.toString('base64'),
    }));
    await insertRows(this.client, this.topology, 'keymeter.dead_letters', rows);
  }

  async book(ranges: readonly CountedRange[]): Promise<void> {
    if (ranges.length === 0) return;
    const rows = ranges.map(({ minute, ...range }) => ({ ...range, minute: minute / 1000 }));
    await insertRows(this.client, this.topology, 'keymeter.books', rows);
  }

  async close(): Promise<void> {
    await this.client.close();
  }

  /** Asked once; a failure is asked again. */
  #insertSettings(): Promise<InsertSettings> {
    this.#settings ??= exactInsert(this.client, this.topology).catch((error: unknown) => {
      this.#settings = undefined;
      throw error;
    });
    return this.#settings;
  }
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
