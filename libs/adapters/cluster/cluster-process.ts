/** One app as a process of a cluster: Kafka, Redis, a spool of its own, and the ports that every app needs. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { type DataFolder, openDataFolder } from '#adapters/embedded/data-folder.js';
import { ensureRootKey } from '#adapters/embedded/first-root-key.js';
import { LmdbSubjectShelves } from '#adapters/lmdb/lmdb-subject-shelves.js';
import { Clock } from '#ports/clock.js';
import { spoolOptions } from '#runtime/config/cluster-options.js';
import { policyLimits } from '#runtime/config/embedded-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { Readiness } from '#runtime/http/readiness.js';
import { NodeIdentity } from '#runtime/node-identity.js';
import { processLog } from '#runtime/process-log.js';
import { endOnFailure, type Running } from '#runtime/process-main.js';
import type { provided } from '#runtime/provided.js';
import { ClusterDirectory } from './cluster-directory.js';
import { ClusterLog } from './cluster-log.js';
import { SPOOL_FOLDER, SPOOL_PROGRESS_FILE, Spool } from './spool.js';
import { withinStart } from './within-start.js';

type Logger = ReturnType<typeof processLog>;

/** What an app needs beside Kafka. What it does not open costs no lease, no disk and no wait for others. */
export interface ClusterNeeds {
  /** Keys, enforcements, policies and meters in Redis, under a lease. */
  readonly directory: boolean;
  /** A log of its own for events that it records. */
  readonly spool: boolean;
}

export class ClusterProcess {
  readonly registry = new Registry();
  readonly readiness = new Readiness();

  #shelves: LmdbSubjectShelves | undefined;

  private constructor(
    readonly settings: Settings,
    readonly clock: Clock,
    readonly logger: Logger,
    readonly nodeId: string,
    readonly log: ClusterLog,
    private readonly opened: { readonly directory?: ClusterDirectory; readonly spool?: Spool },
    private readonly folder: DataFolder,
    private readonly newRootKey: string | undefined,
  ) {
    const { directory, spool } = opened;
    this.readiness.ask(() => {
      const refusal = spool?.writer.refusal();
      return refusal && { part: 'spool', detail: refusal.detail };
    });
    this.readiness.ask(() => {
      const refusal = log.writer.refusal();
      return refusal && { part: 'event log', detail: refusal.detail };
    });
    this.readiness.ask(() => {
      const trouble = directory?.trouble;
      return trouble === undefined ? undefined : { part: 'key store', detail: trouble };
    });
  }

  /** Rejects with KeymeterError and a sentence for everything a person can put right. */
  static async open(settings: Settings, needs: ClusterNeeds): Promise<ClusterProcess> {
    const folder = await openDataFolder(settings.KEYMETER_DATA_DIR);
    const clock = new SystemClock();
    const logger = processLog();
    const nodeId = settings.KEYMETER_NODE_ID ?? keptNodeId(folder);
    const log = await ClusterLog.open(settings, clock, logger);
    const directory = needs.directory ? await ClusterDirectory.open(settings, nodeId, log, clock, logger) : undefined;
    const newRootKey = directory && (await ensureRootKey(directory.keys, settings.KEYMETER_ROOT_KEY, clock.now()));
    const spool = needs.spool ? await openSpool(settings, folder, log, clock, logger) : undefined;
    if (directory) {
      const ends = spool && (() => spool.ends);
      await withinStart(clock, 'KEYMETER_REDIS_NODES', () => directory.grants.recordsInto(ends));
    }
    return new ClusterProcess(settings, clock, logger, nodeId, log, { directory, spool }, folder, newRootKey);
  }

  get directory(): ClusterDirectory {
    return demanded(this.opened.directory, 'directory');
  }

  get spool(): Spool {
    return demanded(this.opened.spool, 'spool');
  }

  ports(): Parameters<typeof provided>[0] {
    return [
      [Clock, this.clock],
      [Registry, this.registry],
      [Readiness, this.readiness],
      [NodeIdentity, new NodeIdentity(this.nodeId)],
      ...(this.opened.directory?.ports() ?? []),
      ...(this.opened.spool?.ports() ?? []),
    ];
  }

  /** How much an engine keeps in memory, and where the rest waits. */
  engineRooms() {
    this.#shelves ??= new LmdbSubjectShelves(this.folder.join('shelves'));
    return { limits: policyLimits(this.settings), makeShelf: this.#shelves.make };
  }

  /** `stop` ends what the app has of its own; the stores are closed after it. */
  running(app: string, url: string, stop: () => Promise<void>): Running {
    const lines = [`keymeter ${app} is listening on ${url}`, `data folder  ${this.folder.path}`];
    if (this.newRootKey) lines.push(`root key     ${this.newRootKey}   (shown this once; only its hash is stored)`);
    return {
      message: `${lines.join('\n')}\n`,
      stop: async () => {
        this.readiness.ask(() => ({ part: 'process', detail: 'It is stopping.' }));
        await stop();
        await this.#shelves?.close();
        await this.opened.spool?.close(this.settings.KEYMETER_SHUTDOWN_MS / 4);
        await this.opened.directory?.close();
        await this.log.close();
        this.folder.release();
      },
    };
  }
}

function openSpool(
  settings: Settings,
  folder: DataFolder,
  log: ClusterLog,
  clock: Clock,
  logger: Logger,
): Promise<Spool> {
  return Spool.open(log.writer, clock, {
    folder: folder.join(SPOOL_FOLDER),
    progressFile: folder.join(SPOOL_PROGRESS_FILE),
    ...spoolOptions(settings),
    onRetry: (error, attempt) => logger.warn({ event: 'events wait in the spool', reason: error.message, attempt }),
    onUnsaved: (error) => logger.warn({ event: 'the progress of the spool is not written', reason: error.message }),
    onFailed: endOnFailure,
  });
}

function demanded<T>(part: T | undefined, name: string): T {
  if (part === undefined) throw new Error(`this process was opened without its ${name}`);
  return part;
}

/** Made on the first start: the node that comes back is the same one. */
function keptNodeId(folder: DataFolder): string {
  const path = folder.join('node-id');
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const made = randomBytes(8).toString('hex');
    writeFileSync(path, made, { flush: true });
    return made;
  }
}
