import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { KeymeterError } from '#domain/errors.js';
import type { DirectoryRecord, RecordKind } from '#domain/keys/directory-record.js';
import type { IdentityRecord, KeyRecord } from '#domain/keys/key-record.js';
import type { Meter } from '#domain/meters/meter.js';
import { type Enforcement, isActive } from '#domain/policies/enforcement.js';
import type { Clock } from '#ports/clock.js';
import type { RunEpoch } from './epoch.js';
import { epochId } from './epoch-id.js';
import type { RunEpochScript } from './epoch-keeper.js';
import type { EpochScriptName } from './epoch-scripts.js';
import { lostCreditsText } from './lost-credits.js';
import { listTexts } from './redis-enforcement-lists.js';
import type { Step } from './redis-key-directory.js';
import { partIndex } from './redis-key-layout.js';
import { storeSteps, unlistSteps } from './redis-key-writes.js';
import { meterSteps } from './redis-meter-store.js';
import { PART_OF } from './redis-record-parts.js';

const RECORDS_AT_ONCE = 200;
/** Audit rows of enforcements so young are written again: what was in the outbox is not known any more. */
const AUDIT_MS = 24 * 3_600_000;
/** A rebuilder that says nothing for so long has died. */
const SILENCE_MS = 30_000;

/** Fills an empty or doubted Redis from the log of keys and begins a new epoch, which follows upon the lost one. */
export class EpochRebuild {
  readonly #owner = randomBytes(12).toString('base64url');

  constructor(
    private readonly epoch: RunEpoch,
    private readonly script: RunEpochScript,
    private readonly clock: Clock,
    private readonly leaseMs: number,
    private readonly installation: string,
    /** Of the log of keys that a rebuild reads. */
    private readonly logId: string,
  ) {}

  /**
   * Resolves when a new epoch is begun, by this process or before by another one. `source` is read, and `clear` called,
   * while nobody is answered. Throws STORE_UNAVAILABLE (retryable) when another process is rebuilding, or has taken
   * over, and when Redis is away; then nobody is answered until a rebuild has ended. Throws STORE_REFUSED when Redis
   * holds the keys of another installation.
   */
  async run(source: AsyncIterable<DirectoryRecord>, clear: () => Promise<void> = async () => undefined): Promise<void> {
    const args = [this.epoch.id ?? '', this.#owner, String(SILENCE_MS), this.installation];
    const nodes = (await this.script('REBUILD', args)) as string[] | string | null;
    if (nodes === null) throw busy();
    if (nodes === 'FOREIGN') throw foreign();
    if (typeof nodes === 'string') return;
    try {
      const end = this.clock.monotonic() + Math.max(this.leaseMs, ...nodes.map((said) => Number(said.split(' ')[2])));
      await this.#writeAll(source);
      await this.#outlast(end);
      await clear();
      const next = epochId(this.installation, this.clock.now());
      await this.#mine('REBUILT', [next]);
      this.epoch.adopt(next);
    } catch (error) {
      await this.#mine('ABANDON', []).catch(() => undefined); // else others wait until it has kept silent for long
      throw error;
    }
  }

  async #writeAll(source: AsyncIterable<DirectoryRecord>): Promise<void> {
    let batch = new Map<string, DirectoryRecord>();
    for await (const entry of source) {
      batch.set(`${entry.kind} ${entry.id}`, entry);
      if (batch.size < RECORDS_AT_ONCE) continue;
      await this.#write([...batch.values()]);
      batch = new Map();
    }
    await this.#write([...batch.values()]);
    await this.#mine('REBUILD_WRITE', ['set', String(partIndex('published')), 'log', this.logId]);
  }

  /** Nodes may answer by leases of the lost epoch for so long, and no writer would wait for them. */
  async #outlast(end: number): Promise<void> {
    for (let left = end - this.clock.monotonic(); left > 0; left = end - this.clock.monotonic()) await setTimeout(left);
  }

  async #write(entries: readonly DirectoryRecord[]): Promise<void> {
    if (entries.length === 0) return;
    const wanted = entries.flatMap(({ kind, id }) => [String(partIndex(PART_OF[kind])), id]);
    const before = (await this.#mine('REBUILD_FETCH', wanted)) as string[];
    const steps = entries.flatMap((entry, at) => recordSteps(entry, before[at] ?? '', this.clock.now()));
    const args = steps.flatMap(([verb, part, field, document]) => [
      verb,
      String(partIndex(part)),
      field,
      document ?? '',
    ]);
    await this.#mine('REBUILD_WRITE', args);
  }

  async #mine(name: EpochScriptName, args: readonly string[]): Promise<unknown> {
    const reply = await this.script(name, ['', this.#owner, String(SILENCE_MS), ...args]);
    if (reply === 'REBUILDLOST') throw busy();
    return reply;
  }
}

function recordSteps(entry: DirectoryRecord, before: string, now: number): Step[] {
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

function foreign(): KeymeterError {
  const detail =
    'Redis holds the keys of another keymeter installation: correct KEYMETER_REDIS_NODES, or empty that Redis.';
  return new KeymeterError('STORE_REFUSED', detail);
}

function busy(): KeymeterError {
  return new KeymeterError('STORE_UNAVAILABLE', 'Another process is rebuilding Redis', { retryable: true });
}
