/**
 * One app as a process of its own on embedded stores: the data folder, its stores, and the ports that every app needs.
 * The folder is locked to one process at a time, so such apps take turns; standalone runs them together.
 */

import { Registry } from 'prom-client';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { LmdbSubjectShelves } from '#adapters/lmdb/lmdb-subject-shelves.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { Clock } from '#ports/clock.js';
import { dedupeOptions, logOptions, policyLimits, usageRetention } from '#runtime/config/embedded-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { Readiness } from '#runtime/http/readiness.js';
import { every } from '#runtime/periodic.js';
import { processLog } from '#runtime/process-log.js';
import type { Running } from '#runtime/process-main.js';
import type { provided } from '#runtime/provided.js';
import { type DataFolder, openDataFolder } from './data-folder.js';
import { type EmbeddedStores, openEmbeddedStores } from './embedded-stores.js';
import { type EmbeddedUsage, openEmbeddedUsage } from './embedded-usage.js';
import { ensureRootKey } from './first-root-key.js';
import { storePorts } from './store-ports.js';

const CHECKPOINT_EVERY_MS = 5_000;

export class EmbeddedProcess {
  readonly logger = processLog();
  readonly registry = new Registry();
  readonly readiness = new Readiness();

  #shelves: LmdbSubjectShelves | undefined;

  private constructor(
    readonly settings: Settings,
    readonly clock: Clock,
    readonly stores: EmbeddedStores,
    private readonly folder: DataFolder,
    private readonly newRootKey: string | undefined,
  ) {
    this.readiness.ask(() => {
      const refusal = stores.log.refusal();
      return refusal && { part: 'event log', detail: refusal.detail };
    });
  }

  /** Rejects with KeymeterError and a sentence for everything a person can put right. */
  static async open(settings: Settings): Promise<EmbeddedProcess> {
    const folder = await openDataFolder(settings.KEYMETER_DATA_DIR);
    const clock = new SystemClock();
    const stores = await openEmbeddedStores(folder, logOptions(settings), clock);
    const newRootKey = await ensureRootKey(stores.keys, settings.KEYMETER_ROOT_KEY, clock.now());
    return new EmbeddedProcess(settings, clock, stores, folder, newRootKey);
  }

  ports(): Parameters<typeof provided>[0] {
    const { stores } = this;
    return [[Clock, this.clock], [Registry, this.registry], [Readiness, this.readiness], ...storePorts(stores)];
  }

  /** The usage engine on this thread: for apps that answer no verifications. */
  openUsage(): Promise<EmbeddedUsage> {
    const folders = { progress: this.folder.join('progress'), usage: this.folder.join('usage') };
    const { settings } = this;
    return openEmbeddedUsage({ folders, retention: usageRetention(settings), dedupe: dedupeOptions(settings) });
  }

  openReader(): SegmentLogReader {
    return new SegmentLogReader(this.folder.join('log'), this.stores.log.watermarks.shared);
  }

  /** How much an engine keeps in memory, and where the rest waits. */
  engineRooms() {
    this.#shelves ??= new LmdbSubjectShelves(this.folder.join('shelves'));
    return { limits: policyLimits(this.settings), makeShelf: this.#shelves.make };
  }

  /** `stop` ends what the app has of its own; the stores are closed after it. */
  running(app: string, url: string, stop: () => Promise<void>): Running {
    const timer = every(CHECKPOINT_EVERY_MS, () => this.stores.counters.checkpoint(), this.logger);
    return {
      message: this.#message(app, url),
      stop: async () => {
        this.readiness.ask(() => ({ part: 'process', detail: 'It is stopping.' }));
        clearInterval(timer);
        await stop();
        await this.#shelves?.close();
        await this.stores.close();
        this.folder.release();
      },
    };
  }

  #message(app: string, url: string): string {
    const { newRootKey, folder } = this;
    const lines = [`keymeter ${app} is listening on ${url}`, `data folder  ${folder.path}`];
    if (newRootKey) lines.push(`root key     ${newRootKey}   (shown this once; only its hash is stored)`);
    lines.push('Embedded stores belong to one process at a time: stop this one before another app opens the folder.');
    lines.push('npm start runs all apps in one process.');
    return `${lines.join('\n')}\n`;
  }
}
