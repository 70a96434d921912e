/**
 * An archive: events that were moved here from another log, with their positions in it, under a partition number that
 * no topic has (KEYMETER_KAFKA_PARTITIONS ends at 10,000). What is in an archive came before all of this log.
 */
import { hash53, identityHash } from '../events/hash53.js';
import type { UsageEvent } from '../events/usage-event.js';
import type { JsonObject } from '../json.js';

/** Partitions are UInt16 in the usage store. */
export const FIRST_ARCHIVE = 32_768;
const PARTITIONS = 65_536;

/** Says in each partition of the log that an archive is there: ids of its events are known from here on. */
export const ARCHIVE_SOURCE = 'keymeter/archive';
export const ARCHIVE_ADDED = 'keymeter.archive.added';

/** The same for the same log, so that a move that is repeated goes on where it stopped. */
export function archiveOf(logId: string): number {
  return FIRST_ARCHIVE + (hash53(logId) % (PARTITIONS - FIRST_ARCHIVE));
}

export function isArchive(partition: number): boolean {
  return partition >= FIRST_ARCHIVE;
}

/** For comparing: archives lie before the partitions of the log. */
export function partitionOrder(partition: number): number {
  return isArchive(partition) ? partition - PARTITIONS : partition;
}

/** For one partition; a repeat counts once and is heeded all the same. */
export function archiveNotice(archive: number, partition: number, events: number, time: number): UsageEvent {
  const data: JsonObject = { archive, events };
  const [source, subject, id] = [ARCHIVE_SOURCE, `archive-${archive}`, `archive-${archive}@${partition}`];
  return { id, source, type: ARCHIVE_ADDED, subject, time, data, idHash: identityHash(source, id), fingerprint: 0 };
}

/** The archive that the event speaks of; undefined for all other events. */
export function noticedArchive({ source, data }: Pick<UsageEvent, 'source' | 'data'>): number | undefined {
  if (source !== ARCHIVE_SOURCE) return undefined;
  return typeof data?.archive === 'number' ? data.archive : undefined;
}
