/** Moves a stopped data folder into a cluster, in its place. */
import { randomBytes } from 'node:crypto';
import { HttpSqlClient } from '#adapters/clickhouse/http-sql-client.js';
import { ClusterDirectory } from '#adapters/cluster/cluster-directory.js';
import { ClusterLog } from '#adapters/cluster/cluster-log.js';
import { type ClusterUsage, openClusterUsage } from '#adapters/cluster/cluster-usage.js';
import { DirectoryCopy, type Moved } from '#adapters/migration/directory-copy.js';
import { EventCopy } from '#adapters/migration/event-copy.js';
import { StandaloneFolder } from '#adapters/migration/standalone-folder.js';
import { TableCopy } from '#adapters/migration/table-copy.js';
import { usageTotals } from '#adapters/migration/usage-totals.js';
import { KeymeterError } from '#domain/errors.js';
import { encodeRow } from '#domain/events/usage-row.js';
import { archiveNotice, archiveOf } from '#domain/log/archive.js';
import { encodeFrame } from '#domain/log/frame.js';
import { firstDifference, sumOf } from '#domain/log/moved-totals.js';
import { clickhouseOptions } from '#runtime/config/cluster-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { RoutingAppender } from '#stream/row-appender.js';
import type { CliContext } from './command.js';

export interface Migration {
  /** Partition number of the folder's events in the cluster. */
  readonly archive: number;
  readonly records: Moved;
  readonly rawEvents: number;
  /** Days of acceptance of which only rollups are left. */
  readonly rollupDays: number;
  readonly deadLetters: number;
  /** Events by the usage store, raw or not. */
  readonly countedEvents: number;
  /** The first key and month that do not agree; undefined when the folder is in the cluster. */
  readonly difference: string | undefined;
}

export type Told = (text: string) => void;

export const isStandaloneFolder = (path: string) => StandaloneFolder.isOne(path);

/** Rejects with KeymeterError for everything that a person can put right. */
export async function migrate(
  path: string,
  settings: Settings,
  { clock }: Pick<CliContext, 'clock'>,
  tell: Told,
): Promise<Migration> {
  const folder = await StandaloneFolder.open(path, settings, clock);
  try {
    const unrest = await folder.unrest();
    if (unrest !== undefined) throw unsettled(unrest);
    const target = await Target.open(settings, clock);
    try {
      return await move(folder, target, settings, clock, tell);
    } finally {
      await target.close();
    }
  } finally {
    await folder.close();
  }
}

/** What is written to, opened together. */
class Target {
  private constructor(
    readonly log: ClusterLog,
    readonly usage: ClusterUsage,
    readonly sql: HttpSqlClient,
    readonly directory: ClusterDirectory,
  ) {}

  static async open(settings: Settings, clock: CliContext['clock']): Promise<Target> {
    const { cluster: _, ...server } = clickhouseOptions(settings);
    const nodeId = `migrate-${randomBytes(4).toString('hex')}`;
    const opened: { close(): Promise<void> }[] = [];
    const kept = <T extends { close(): Promise<void> }>(one: T): T => {
      opened.unshift(one);
      return one;
    };
    try {
      const log = kept(await ClusterLog.open(settings, clock, SILENT));
      const usage = kept(await openClusterUsage(settings, { prepares: false }));
      const directory = await ClusterDirectory.open(settings, nodeId, log, clock, SILENT);
      return new Target(log, usage, new HttpSqlClient(server), directory);
    } catch (error) {
      for (const one of opened) await one.close(); // an open connection would keep the command from ending
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.directory.close();
    await this.sql.close();
    await this.usage.close();
    await this.log.close();
  }
}

async function move(
  folder: StandaloneFolder,
  target: Target,
  settings: Settings,
  clock: CliContext['clock'],
  tell: Told,
): Promise<Migration> {
  const { logId, usage: from } = folder;
  const { log, sql } = target;
  const archive = archiveOf(logId);
  const appender = new RoutingAppender(log.writer, clock);
  const directory = new DirectoryCopy(folder.stores, { ...target.directory.importing, appender }, archive, clock.now());
  tell('keys and what belongs to them');
  await directory.records();
  const copy = { archive, logId };
  const events = new EventCopy(from, sql, target.usage.store, copy);
  const rawEvents = await events.run((count) => tell(`${count} events`));
  tell('rollups, dead letters and books');
  const tables = new TableCopy(from, sql, { cluster: settings.KEYMETER_CLICKHOUSE_CLUSTER }, copy);
  const rollupDays = await tables.expiredRollups();
  const deadLetters = await tables.letters();
  await tables.books();
  await target.usage.store.book(folder.unbooked.map((range) => ({ ...range, partition: archive })));
  await notice(log, archive, rawEvents, clock.now());
  tell('policies');
  await directory.policies();
  tell('comparing totals');
  const [here, there] = [await usageTotals(from, 0), await usageTotals(sql, archive)];
  const difference = firstDifference(here.counted, there.counted) ?? firstDifference(here.raw, there.raw);
  const countedEvents = sumOf(there.counted);
  return { archive, records: directory.moved, rawEvents, rollupDays, deadLetters, countedEvents, difference };
}

/** From here on each consumer knows the ids of the archive. */
async function notice(log: ClusterLog, archive: number, events: number, now: number): Promise<void> {
  for (let partition = 0; partition < log.writer.partitions; partition++) {
    const row = encodeRow(archiveNotice(archive, partition, events, now));
    await log.writer.append(partition, encodeFrame(`${row}\n`, 1, now));
  }
}

function unsettled(why: string): KeymeterError {
  const detail = `The folder cannot be moved as it is: ${why}. Start keymeter on it, wait until keymeter status shows no lag, and stop it.`;
  return new KeymeterError('OFFSET_BEHIND_DATA', detail);
}

const SILENT = { log: () => undefined, warn: () => undefined, error: () => undefined };
