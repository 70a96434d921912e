/**
 * Rows of the audit trail: everything that keymeter itself writes about policies into the event log. A row's digest
 * covers all of it but its partition, which a moved archive changes.
 */
import { createHash } from 'node:crypto';
import {
  DIMENSION_FIELDS,
  DIMENSIONS,
  isOwnType,
  type PlacedEvent,
  type UsageDimensions,
} from '../events/usage-event.js';
import { decimalText, scalarText } from '../events/usage-row.js';
import { plainDecimal } from '../meters/decimal.js';
import { POLICY_SOURCE } from '../policies/policy-change.js';
import { canonicalJson } from './canonical-json.js';

export type AuditRow = Omit<PlacedEvent, 'partition'>;

/** As the usage store has it; `columns` repeat what is in `data`. */
export interface StoredAuditRow extends AuditRow {
  readonly columns: UsageDimensions & { readonly bytes: string | null };
}

export function isAuditRow({ source, type }: Pick<PlacedEvent, 'source' | 'type'>): boolean {
  return source === POLICY_SOURCE && isOwnType(type);
}

/** SHA-256, 64 hexadecimal digits. */
export function rowDigest(row: AuditRow): string {
  const { offset, index, acceptedAt, id, source, type, subject, time, data, idHash, fingerprint } = row;
  const parts = [offset, index, acceptedAt, id, source, type, subject, time, data, idHash, fingerprint];
  return createHash('sha256').update(canonicalJson(parts)).digest('hex');
}

/** What its link says of a row. */
export function digested(row: AuditRow) {
  const { offset, index, acceptedAt, id } = row;
  return { offset, index, acceptedAt, id, digest: rowDigest(row) };
}

/** The first column that does not say what `data` says; usage is summed and grouped by columns. */
export function wrongColumn({ data, columns }: StoredAuditRow): string | undefined {
  const wrong = DIMENSIONS.find((name) => columns[name] !== scalarText(data?.[DIMENSION_FIELDS[name]]));
  if (wrong !== undefined) return wrong;
  const bytes = decimalText(data?.bytes);
  const stored = columns.bytes === null ? undefined : plainDecimal(columns.bytes);
  return (bytes && plainDecimal(bytes)) === stored ? undefined : 'bytes';
}
