import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { KeymeterError } from '#domain/errors.js';
import type { DirectoryRecord } from '#domain/keys/directory-record.js';
import type { Clock } from '#ports/clock.js';
import type { RunEpoch } from './epoch.js';
import { epochPrefix } from './epoch-id.js';
import type { RunEpochScript } from './epoch-keeper.js';
import type { EpochScriptName } from './epoch-scripts.js';
import { partIndex } from './redis-key-layout.js';
import { PART_OF } from './redis-record-parts.js';
import { recordSteps } from './redis-record-steps.js';

const RECORDS_AT_ONCE = 200;
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
      this.epoch.adopt((await this.#mine('REBUILT', [epochPrefix(this.installation)])) as string);
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

function foreign(): KeymeterError {
  const detail =
    'Redis holds the keys of another keymeter installation: correct KEYMETER_REDIS_NODES, or empty that Redis.';
  return new KeymeterError('STORE_REFUSED', detail);
}

function busy(): KeymeterError {
  return new KeymeterError('STORE_UNAVAILABLE', 'Another process is rebuilding Redis', { retryable: true });
}
