/** A whole cluster on this machine, every process and every link of which can be disturbed by itself. */

import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { TcpProxy } from '../support/tcp-proxy.js';
import { AppProcess, startServerProcess } from './app-process.js';
import { FakedClock } from './faked-clock.js';
import {
  distinctPorts,
  drawPorts,
  type FaultServers,
  type Listener,
  type ServerPorts,
  startServers,
} from './fault-servers.js';
import type { Stage } from './injection.js';
import { programOf } from './program-of.js';
import { projectRoot } from './project-root.js';
import { SMALL_DISK_ENV, SmallDisk } from './small-disk.js';

export const APPS = ['ingress-1', 'ingress-2', 'consumer-1', 'consumer-2', 'policy-1', 'policy-2', 'query-1'] as const;
/** Comes and goes as a fault; not there otherwise. */
export const SPARE_APPS = ['consumer-3'] as const;
export type AppName = (typeof APPS)[number] | (typeof SPARE_APPS)[number] | 'ingress-3';
/** Lives on a small disk. */
export const SMALL_DISK_APP: AppName = 'ingress-2';
export type ServerName = 'kafka' | 'redis' | 'clickhouse';

export const ROOT_KEY = 'root_of_the_fault_runs_0123456789';
/** Settings that make what takes long in production short enough to be met often. */
export const SESSION_MS = 6_000;
export const LEASE_MS = 2_000;
const READY_WITHIN_MS = 240_000;
/** From the build, also where this file runs from its source. */
export const BLOCKED_LOOP = pathToFileURL(join(projectRoot(), 'dist/test/faults/preload/blocked-loop.js')).href;

export interface ClusterOptions {
  readonly folder: string;
  /** Those that run, in the order in which they start; APPS unless said otherwise. */
  readonly apps?: readonly AppName[];
  /**
   * Whether clocks and a disk can be disturbed: every process then reads its time through libfaketime, where installed,
   * and one ingress lives on a small disk, where mounting one is permitted.
   */
  readonly disturbs?: boolean;
  /** Modules that each app loads before itself. */
  readonly preload?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

type Links = Readonly<Record<AppName, Readonly<Record<ServerName, TcpProxy>>>>;

export class FaultCluster implements Stage {
  readonly #living = () => this.killAll();

  private constructor(
    readonly folder: string,
    readonly servers: FaultServers,
    readonly links: Links,
    readonly apps: Readonly<Record<AppName, AppProcess>>,
    /** Of SMALL_DISK_APP. */
    readonly disk: SmallDisk | undefined,
  ) {
    process.once('exit', this.#living);
  }

  static async start(options: ClusterOptions): Promise<FaultCluster> {
    const running = options.apps ?? APPS;
    const names = [...running, ...SPARE_APPS];
    const ports = await drawPorts();
    const taken = new Set(Object.values(ports));
    const listenerPorts = await distinctPorts(names.length, taken);
    const links = await openLinks(names, ports, listenerPorts);
    const listeners = names.map(
      (name, i): Listener => ({
        name: `L${i}`,
        port: listenerPorts[i] as number,
        advertised: links[name].kafka.port,
      }),
    );
    const servers = await startServers(options.folder, ports, listeners);
    const disk = options.disturbs ? SmallDisk.at(join(options.folder, SMALL_DISK_APP)) : undefined;
    const apps = await makeApps(
      { ...options, apps: names },
      links,
      servers.password,
      await distinctPorts(names.length, taken),
    );
    const cluster = new FaultCluster(options.folder, servers, links, apps, disk);
    try {
      for (const name of running) cluster.apps[name].start();
      await cluster.ready();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  get all(): readonly AppProcess[] {
    return Object.values(this.apps);
  }

  /** Those that are meant to run. */
  get wanted(): readonly AppProcess[] {
    return this.all.filter(({ wanted }) => wanted);
  }

  get logFolder(): string {
    return join(this.folder, 'logs');
  }

  async ready(withinMs = READY_WITHIN_MS): Promise<void> {
    const until = performance.now() + withinMs;
    for (const app of this.wanted) {
      for (let last = await app.readiness(); last?.status !== 200; last = await app.readiness()) {
        if (performance.now() > until) {
          throw new Error(`${app.name} is not ready: ${last?.text ?? 'no answer'}\n${app.logSince(0).slice(-2_000)}`);
        }
        await pause(100);
      }
    }
  }

  async stop(): Promise<void> {
    process.off('exit', this.#living);
    await Promise.all(this.all.map((app) => app.kill9()));
    const { kafka, redis, clickhouse } = this.servers;
    await Promise.all([kafka, redis, clickhouse].map(({ handle }) => handle.kill9()));
    this.disk?.remove();
    await Promise.all(Object.values(this.links).flatMap((of) => Object.values(of).map((link) => link.close())));
  }

  /** Nothing outlives the driver, whatever ends it. */
  killAll(): void {
    const { kafka, redis, clickhouse } = this.servers;
    for (const pid of [...this.all.map((app) => app.pid), kafka.handle.pid, redis.handle.pid, clickhouse.handle.pid]) {
      try {
        if (pid !== undefined) process.kill(pid, 'SIGKILL');
      } catch {
        // it has ended already
      }
    }
  }
}

async function openLinks(
  names: readonly AppName[],
  ports: ServerPorts,
  listenerPorts: readonly number[],
): Promise<Links> {
  const entries = names.map(async (name, i) => {
    const kafka = await TcpProxy.to(listenerPorts[i] as number);
    return [name, { kafka, redis: await TcpProxy.to(ports.redis), clickhouse: await TcpProxy.to(ports.clickhouse) }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function makeApps(
  { folder, apps = APPS, disturbs = false, preload = [], env = {} }: ClusterOptions,
  links: Links,
  password: string,
  ports: readonly number[],
): Promise<Record<AppName, AppProcess>> {
  const startChild = await startServerProcess();
  const made = apps.map((name, i) => {
    const own = links[name];
    const [app = ''] = name.split('-');
    const options = {
      name,
      script: programOf(app, preload),
      nodeArgs: [BLOCKED_LOOP, ...preload].map((module) => `--import=${module}`),
      url: `http://127.0.0.1:${ports[i]}`,
      logFolder: join(folder, 'logs'),
      startChild,
      clock: new FakedClock(join(folder, 'clocks', name), disturbs),
      env: {
        FAULTS_BLOCK_FILE: join(folder, 'clocks', `${name}-block`),
        KEYMETER_STORES: 'cluster',
        KEYMETER_NODE_ID: name,
        KEYMETER_PORT: String(ports[i]),
        KEYMETER_DATA_DIR: join(folder, name),
        KEYMETER_ROOT_KEY: ROOT_KEY,
        KEYMETER_KAFKA_BROKERS: `127.0.0.1:${own.kafka.port}`,
        KEYMETER_KAFKA_PARTITIONS: '4',
        KEYMETER_KAFKA_SESSION_MS: String(SESSION_MS),
        KEYMETER_REDIS_NODES: `127.0.0.1:${own.redis.port}`,
        KEYMETER_CLICKHOUSE_URL: `http://127.0.0.1:${own.clickhouse.port}`,
        KEYMETER_CLICKHOUSE_PASSWORD: password,
        KEYMETER_LEASE_MS: String(LEASE_MS),
        ...(disturbs && name === SMALL_DISK_APP ? SMALL_DISK_ENV : {}),
        ...env,
      },
    };
    return [name, new AppProcess(options)];
  });
  return Object.fromEntries(made);
}
