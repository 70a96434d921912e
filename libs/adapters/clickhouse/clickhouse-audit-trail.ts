import type { ChainLink } from '#domain/audit/audit-chain.js';
import type { StoredAuditRow } from '#domain/audit/audit-row.js';
import { DIMENSIONS, type UsageDimensions } from '#domain/events/usage-event.js';
import type { JsonObject } from '#domain/json.js';
import { POLICY_SOURCE } from '#domain/policies/policy-change.js';
import { AuditTrail, type Place } from '#ports/audit-trail.js';
import type { EventRow } from './event-list-sql.js';
import { insertRows } from './insert-rows.js';
import type { SqlClient } from './sql-client.js';
import { SqlParameters } from './sql-parameters.js';
import { EMBEDDED, synchronise, type Topology } from './topology.js';

interface LinkRow {
  readonly sequence: string | number;
  readonly kind: ChainLink['kind'];
  readonly offset: string | number;
  readonly idx: number;
  readonly accepted_ms: string | number;
  readonly id: string;
  readonly digest: string;
  readonly link: string;
}

interface AuditEventRow extends Omit<EventRow, 'partition'>, UsageDimensions {
  readonly bytes_text: string | null;
  readonly id_hash: string | number;
  readonly fingerprint: string | number;
}

const LINKS = `SELECT sequence, kind, offset, idx, toUnixTimestamp64Milli(accepted_at) AS accepted_ms, id, digest, link
  FROM keymeter.audit_chain FINAL`;
/** By the range of types the sorting key of the table leads to them. */
const AUDIT_ROWS = `type >= 'keymeter.' AND type < 'keymeter/' AND source = '${POLICY_SOURCE}'`;
const EVENTS = `SELECT offset, idx, toUnixTimestamp64Milli(accepted_at) AS accepted_ms,
  toUnixTimestamp64Milli(time) AS time_ms, id, source, type, subject, data, toString(bytes) AS bytes_text,
  id_hash, fingerprint, ${DIMENSIONS.join(', ')} FROM keymeter.events WHERE ${AUDIT_ROWS}`;
const SETTINGS = 'SETTINGS max_execution_time = 60, max_threads = 1, max_memory_usage = 1073741824';

export class ClickHouseAuditTrail extends AuditTrail {
  constructor(
    private readonly client: SqlClient,
    private readonly topology: Topology = EMBEDDED,
  ) {
    super();
  }

  async synchronised(): Promise<void> {
    for (const table of ['events', 'audit_chain']) {
      for (const statement of synchronise(this.topology, table)) await this.client.command(statement);
    }
  }

  async append(partition: number, links: readonly ChainLink[]): Promise<void> {
    if (links.length === 0) return;
    const rows = links.map(({ index: idx, acceptedAt: accepted_at, ...rest }) => ({
      partition,
      idx,
      accepted_at,
      ...rest,
    }));
    await insertRows(this.client, this.topology, 'keymeter.audit_chain', rows);
  }

  async last(partition: number): Promise<ChainLink | undefined> {
    const parameters = new SqlParameters();
    const where = `WHERE partition = ${parameters.integer(partition)} ORDER BY sequence DESC LIMIT 1`;
    return (await this.#links(where, parameters))[0];
  }

  async partitions(): Promise<number[]> {
    const sql = `SELECT DISTINCT partition FROM (
      SELECT partition FROM keymeter.audit_chain UNION ALL SELECT partition FROM keymeter.events WHERE ${AUDIT_ROWS}
    ) ORDER BY partition ${SETTINGS}`;
    return (await this.client.query<{ partition: number }>(sql)).map(({ partition }) => partition);
  }

  links(partition: number, sequence: number, limit: number): Promise<ChainLink[]> {
    const parameters = new SqlParameters();
    const from = `partition = ${parameters.integer(partition)} AND sequence >= ${parameters.integer(sequence)}`;
    return this.#links(`WHERE ${from} ORDER BY sequence LIMIT ${parameters.integer(limit)}`, parameters);
  }

  async firstSince(partition: number, acceptedAt: number): Promise<number | undefined> {
    const parameters = new SqlParameters();
    const sql = `SELECT count() AS n, min(sequence) AS first FROM keymeter.audit_chain FINAL
      WHERE partition = ${parameters.integer(partition)} AND kind = 'row' AND accepted_at >= ${parameters.instant(acceptedAt)}`;
    const [row] = await this.client.query<{ n: string; first: string }>(`${sql} ${SETTINGS}`, parameters.values);
    return Number(row?.n ?? 0) === 0 ? undefined : Number(row?.first);
  }

  async rows(partition: number, after: Place | undefined, limit: number): Promise<StoredAuditRow[]> {
    const parameters = new SqlParameters();
    const conditions = [`partition = ${parameters.integer(partition)}`];
    if (after) {
      const place = `(${parameters.integer(after.offset)}, ${parameters.integer(after.index)})`;
      conditions.push(`offset >= ${parameters.integer(after.offset)} AND (offset, idx) > ${place}`);
    }
    const sql = `${EVENTS} AND ${conditions.join(' AND ')} ORDER BY offset, idx LIMIT ${parameters.integer(limit)}`;
    const rows = await this.client.query<AuditEventRow>(`${sql} ${SETTINGS}`, parameters.values);
    return rows.map(toAuditRow);
  }

  async #links(where: string, parameters: SqlParameters): Promise<ChainLink[]> {
    const rows = await this.client.query<LinkRow>(`${LINKS} ${where} ${SETTINGS}`, parameters.values);
    return rows.map(({ sequence, offset, idx, accepted_ms: acceptedMs, kind, id, digest, link }) => {
      const place = { offset: Number(offset), index: idx, acceptedAt: Number(acceptedMs) };
      return { sequence: Number(sequence), kind, ...place, id, digest, link };
    });
  }
}

function toAuditRow(row: AuditEventRow): StoredAuditRow {
  const { id, source, type, subject, data, idx: index, bytes_text: bytes } = row;
  const dimensions = Object.fromEntries(DIMENSIONS.map((name) => [name, row[name]])) as unknown as UsageDimensions;
  return {
    offset: Number(row.offset),
    index,
    acceptedAt: Number(row.accepted_ms),
    id,
    source,
    type,
    subject,
    time: Number(row.time_ms),
    data: dataOf(data),
    idHash: Number(row.id_hash),
    fingerprint: Number(row.fingerprint),
    columns: { ...dimensions, bytes },
  };
}

/** A text that is no JSON any more was changed: its digest will not be the one that was linked. */
function dataOf(text: string): JsonObject | null {
  if (text === '') return null;
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return { changed: text };
  }
}
