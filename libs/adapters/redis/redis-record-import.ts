import type { DirectoryRecord } from '#domain/keys/directory-record.js';
import type { RedisKeyDirectory, Step } from './redis-key-directory.js';
import type { RedisKeyWriter } from './redis-key-writer.js';
import { PART_OF } from './redis-record-parts.js';
import { recordSteps } from './redis-record-steps.js';

/** Records of another installation as new ones of this one. */
export class RedisRecordImport {
  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly writer: RedisKeyWriter,
  ) {}

  /**
   * Resolves when the record is stored and logged and no node answers from before it. 'present': there is one of this
   * id, perhaps changed since, and it stays. 'taken': another record has its name (externalId, slug) or its hash.
   */
  async add(entry: DirectoryRecord, now: number): Promise<'added' | 'present' | 'taken'> {
    const { kind, id } = entry;
    const part = PART_OF[kind];
    // Balances are brought along and audit rows are in the archive: neither is to be made up for.
    const steps = recordSteps(entry, '', now).filter(([, at]) => at !== 'outbox' && at !== 'lost-credits');
    const write: Step[] = [['no', part, id], ...uniqueNames(entry), ...steps];
    const known = kind === 'enforcement' || kind === 'rootKey'; // what nodes have in memory
    const done = known ? this.writer.announce([...write, ['say', part, id]]) : this.writer.write(write);
    if ((await done).done) return 'added';
    await this.writer.caughtUp(kind, id);
    const [stored] = await this.directory.fetch([[part, id]]);
    return stored === undefined ? 'taken' : 'present';
  }
}

function uniqueNames(entry: DirectoryRecord): Step[] {
  if (entry.record === null) return [];
  if (entry.kind === 'identity') return [['no', 'externals', entry.record.externalId]];
  if (entry.kind === 'key' && entry.record.deletedAt === undefined) return [['no', 'hashes', entry.record.hash]];
  if (entry.kind === 'meter' && entry.record.deletedAt === undefined) return [['no', 'meter-slugs', entry.record.slug]];
  return [];
}
