import { setTimeout as pause } from 'node:timers/promises';
import type { RawEvent } from '../crash/server-view.js';
import type { AppProcess } from './app-process.js';
import { type ClusterOptions, FaultCluster, ROOT_KEY } from './fault-cluster.js';
import { LogWatch } from './log-watch.js';
import { RawStore } from './raw-store.js';
import { RoutedCaller } from './routed-caller.js';
import type { Subject } from './subject.js';

const EQUAL_AFTER_MS = 2_000;

/** A cluster; its log and its usage store are read past the product. */
export class ClusterSubject implements Subject<FaultCluster> {
  readonly spools = true;
  readonly caller: RoutedCaller;
  readonly ingresses: readonly AppProcess[];
  readonly consumers: readonly AppProcess[];
  readonly secrets: readonly string[];
  readonly #watch: LogWatch;
  readonly #raw: RawStore;

  private constructor(readonly stage: FaultCluster) {
    const { apps, servers } = stage;
    this.caller = new RoutedCaller(stage);
    this.ingresses = [apps['ingress-1'], apps['ingress-2']];
    this.consumers = [apps['consumer-1'], apps['consumer-2']];
    this.secrets = [ROOT_KEY, servers.password];
    this.#watch = new LogWatch(servers.kafkaPort);
    this.#raw = new RawStore(servers.clickhouse.handle.port, servers.password);
  }

  static async start(options: ClusterOptions): Promise<ClusterSubject> {
    return new ClusterSubject(await FaultCluster.start({ ...options, disturbs: true }));
  }

  isCounted(position: string): boolean {
    return this.#watch.isCounted(position);
  }

  ready(withinMs: number): Promise<void> {
    return this.stage.ready(withinMs);
  }

  /** Lag 0 on every partition, and two equal readings of what is stored. */
  async counted(withinMs: number): Promise<void> {
    const until = performance.now() + withinMs;
    for (let before = -1; ; ) {
      const partitions = await this.#watch.read();
      const isBehind = partitions.some(({ end, committed }) => committed < end);
      const now = isBehind ? -1 : await this.#raw.count('events');
      if (now >= 0 && now === before) return;
      if (performance.now() > until) throw new Error(`not counted: ${JSON.stringify(partitions)}`);
      before = now;
      await pause(EQUAL_AFTER_MS);
    }
  }

  events(type: string): Promise<RawEvent[]> {
    return this.#raw.events(type);
  }

  async stop(): Promise<void> {
    this.caller.close();
    await this.#watch.close();
    await this.stage.stop();
  }
}
