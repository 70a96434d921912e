/** The data folder of a stopped standalone process, opened to be read; nothing of it changes but checkpoints. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { newestSchema } from '#adapters/clickhouse/migrations.js';
import type { SqlClient } from '#adapters/clickhouse/sql-client.js';
import { type DataFolder, openDataFolder } from '#adapters/embedded/data-folder.js';
import { type EmbeddedStores, openEmbeddedStores } from '#adapters/embedded/embedded-stores.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbEngineSnapshotStore } from '#adapters/lmdb/lmdb-engine-snapshot-store.js';
import { LmdbOffsetStore } from '#adapters/lmdb/lmdb-offset-store.js';
import type { CountedRange } from '#domain/log/counted-range.js';
import type { Clock } from '#ports/clock.js';
import { logOptions } from '#runtime/config/embedded-options.js';
import type { Settings } from '#runtime/config/settings.js';

const PARTITION = 0;

export class StandaloneFolder {
  private constructor(
    private readonly folder: DataFolder,
    readonly stores: EmbeddedStores,
    readonly usage: SqlClient,
    /** Committed ranges that the folder's own books may lack. */
    readonly unbooked: readonly CountedRange[],
    private readonly lag: { readonly counted: number; readonly decided: number },
    private readonly schema: number,
  ) {}

  static isOne(path: string): boolean {
    return ['log/log.json', 'keys', 'progress', 'usage'].every((part) => existsSync(join(path, part)));
  }

  /** Rejects with KeymeterError: DATA_DIR_IN_USE while a process has it, LOG_DAMAGED and the like as a start would. */
  static async open(path: string, settings: Settings, clock: Clock): Promise<StandaloneFolder> {
    const folder = await openDataFolder(path);
    const stores = await openEmbeddedStores(folder, logOptions(settings), clock);
    await stores.counters.checkpoint();
    const environment = await openEnvironment(folder.join('progress'));
    const progress = await new LmdbOffsetStore(environment).load(PARTITION);
    const snapshot = await new LmdbEngineSnapshotStore(environment).load(PARTITION);
    await environment.close();
    const end = stores.log.highWatermark(PARTITION);
    const usage = new ChdbSqlClient(folder.join('usage'));
    const [row] = await usage.query<{ version: number }>('SELECT max(version) AS version FROM keymeter.migrations');
    const counted = progress.intended ? end - progress.intended.first : end - progress.next;
    const lag = { counted, decided: end - (snapshot?.nextOffset ?? 0) };
    return new StandaloneFolder(folder, stores, usage, progress.unbooked ?? [], lag, Number(row?.version ?? 0));
  }

  get logId(): string {
    return this.stores.log.identity.logId;
  }

  /** Why it cannot be moved as it is; undefined when all that it took in is counted, decided and written down. */
  async unrest(): Promise<string | undefined> {
    if (this.schema !== newestSchema()) {
      return `its usage store has schema ${this.schema}, this version writes ${newestSchema()}`;
    }
    if (this.lag.counted > 0) return `${this.lag.counted} records of its log are not counted yet`;
    if (this.lag.decided > 0) return `policies have not seen ${this.lag.decided} records of its log yet`;
    const { enforcements, policies } = this.stores;
    if ((await policies.intents()).length > 0) return 'a change of a policy is half done';
    if ((await enforcements.unrecorded(1)).length > 0) return 'an enforcement is not written down yet';
    return undefined;
  }

  async close(): Promise<void> {
    await this.usage.close();
    await this.stores.close();
    this.folder.release();
  }
}
