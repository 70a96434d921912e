/** What has to be written for a record as the log of keys has it: its document, and all that follows from it. */
import type { DirectoryRecord, RecordKind } from '#domain/keys/directory-record.js';
import type { IdentityRecord, KeyRecord } from '#domain/keys/key-record.js';
import type { Meter } from '#domain/meters/meter.js';
import { type Enforcement, isActive } from '#domain/policies/enforcement.js';
import { lostCreditsText } from './lost-credits.js';
import { listTexts } from './redis-enforcement-lists.js';
import type { Step } from './redis-key-directory.js';
import { storeSteps, unlistSteps } from './redis-key-writes.js';
import { meterSteps } from './redis-meter-store.js';
import { PART_OF } from './redis-record-parts.js';

/** Audit rows of enforcements so young are written again: what was in the outbox is not known any more. */
const AUDIT_MS = 24 * 3_600_000;

/** `before` is the document that the record had, or nothing. */
export function recordSteps(entry: DirectoryRecord, before: string, now: number): Step[] {
  const { kind, id, record } = entry;
  const part = PART_OF[kind];
  const old: Step[] = before === '' ? [] : undoSteps(kind, before);
  if (record === null) return [...old, ['del', part, id]];
  if (kind === 'key') {
    const live = record.deletedAt === undefined ? [...storeSteps(record), ...lostCredits('add', record)] : [];
    return [...old, ['set', part, id, JSON.stringify(record)], ...live];
  }
  const set: Step = ['set', part, id, JSON.stringify(record)];
  if (kind === 'meter') return [...old, ...meterSteps(record)];
  if (kind === 'identity') return [...old, set, ['set', 'externals', record.externalId, id]];
  if (kind !== 'enforcement') return [...old, set];
  const lists = listTexts(record).map((text): Step => ['add', 'enforcement-lists', text]);
  const unrecorded: Step[] = now - record.begin < AUDIT_MS ? [['add', 'outbox', id]] : [];
  return [...old, set, ...lists, ...unrecorded, [isActive(record, now) ? 'add' : 'rem', 'holding', id]];
}

/** What a record's lists hold by its earlier state. */
function undoSteps(kind: RecordKind, before: string): Step[] {
  if (kind === 'key') {
    const key = JSON.parse(before) as KeyRecord;
    return [...unlistSteps(key), ...lostCredits('rem', key)];
  }
  if (kind === 'identity') return [['del', 'externals', (JSON.parse(before) as IdentityRecord).externalId]];
  if (kind === 'meter') return [['del', 'meter-slugs', (JSON.parse(before) as Meter).slug]];
  if (kind !== 'enforcement') return [];
  const old = JSON.parse(before) as Enforcement;
  return [...listTexts(old).map((text): Step => ['rem', 'enforcement-lists', text]), ['rem', 'holding', old.id]];
}

function lostCredits(verb: 'add' | 'rem', { id, credits }: KeyRecord): Step[] {
  return credits ? [[verb, 'lost-credits', lostCreditsText(credits.id, id)]] : [];
}
