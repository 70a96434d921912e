/** One app as a process of a cluster: Kafka, Redis, a spool of its own, and the ports that every app needs. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { type DataFolder, openDataFolder } from '#adapters/embedded/data-folder.js';
import { ensureRootKey } from '#adapters/embedded/first-root-key.js';
import { Clock } from '#ports/clock.js';
import { spoolOptions } from '#runtime/config/cluster-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { Readiness } from '#runtime/http/readiness.js';
import { NodeIdentity } from '#runtime/node-identity.js';
import { processLog } from '#runtime/process-log.js';
import { endOnFailure, type Running } from '#runtime/process-main.js';
import type { provided } from '#runtime/provided.js';
import { ClusterDirectory } from './cluster-directory.js';
import { ClusterLog } from './cluster-log.js';
import { Spool } from './spool.js';

export class ClusterProcess {
  readonly registry = new Registry();
  readonly readiness = new Readiness();

  private constructor(
    readonly settings: Settings,
    readonly clock: Clock,
    readonly logger: ReturnType<typeof processLog>,
    readonly nodeId: string,
    readonly log: ClusterLog,
    readonly directory: ClusterDirectory,
    readonly spool: Spool,
    private readonly folder: DataFolder,
    private readonly newRootKey: string | undefined,
  ) {
    this.readiness.ask(() => {
      const refusal = spool.writer.refusal();
      return refusal && { part: 'spool', detail: refusal.detail };
    });
    this.readiness.ask(() => {
      const refusal = log.writer.refusal();
      return refusal && { part: 'event log', detail: refusal.detail };
    });
    this.readiness.ask(() => {
      const trouble = directory.trouble;
      return trouble === undefined ? undefined : { part: 'key store', detail: trouble };
    });
  }

  /** Rejects with KeymeterError and a sentence for everything a person can put right. */
  static async open(settings: Settings): Promise<ClusterProcess> {
    const folder = await openDataFolder(settings.KEYMETER_DATA_DIR);
    const clock = new SystemClock();
    const logger = processLog();
    const nodeId = settings.KEYMETER_NODE_ID ?? keptNodeId(folder);
    const log = await ClusterLog.open(settings, clock, logger);
    const directory = await ClusterDirectory.open(settings, nodeId, clock, logger);
    const newRootKey = await ensureRootKey(directory.keys, settings.KEYMETER_ROOT_KEY, clock.now());
    const spool = await Spool.open(log.writer, clock, {
      folder: folder.join('spool'),
      progressFile: folder.join('spool-sent'),
      ...spoolOptions(settings),
      onRetry: (error, attempt) => logger.warn({ event: 'events wait in the spool', reason: error.message, attempt }),
      onFailed: endOnFailure,
    });
    return new ClusterProcess(settings, clock, logger, nodeId, log, directory, spool, folder, newRootKey);
  }

  ports(): Parameters<typeof provided>[0] {
    return [
      [Clock, this.clock],
      [Registry, this.registry],
      [Readiness, this.readiness],
      [NodeIdentity, new NodeIdentity(this.nodeId)],
      ...this.directory.ports(),
      ...this.spool.ports(),
    ];
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
        await this.spool.close(this.settings.KEYMETER_SHUTDOWN_MS / 4);
        await this.directory.close();
        await this.log.close();
        this.folder.release();
      },
    };
  }
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
