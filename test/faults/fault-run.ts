/** One run: a cluster under load, faults in three lanes, quiet, and what everything says afterwards. */

import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { HttpCaller } from '../crash/http-caller.js';
import { USAGE_TYPE } from '../crash/ingest-load.js';
import type { View } from '../crash/kill-run.js';
import { Ledger, readLedger } from '../crash/ledger.js';
import { Load } from '../crash/load.js';
import { allDeadLetters, settledEnforcements } from '../crash/server-view.js';
import { Target } from '../crash/target.js';
import type { Loss } from '../crash/verify-oracle.js';
import { buildWorld, type World } from '../crash/world.js';
import { randomFrom } from '../support/seed.js';
import type { OwnEnd } from './app-process.js';
import { FaultCluster, ROOT_KEY } from './fault-cluster.js';
import { FaultLane, type FaultRecord } from './fault-lane.js';
import type { Injection } from './injection.js';
import { LogWatch } from './log-watch.js';
import { MemoryWatch, type Peak } from './memory-watch.js';
import { Pulse } from './pulse.js';
import { RawStore } from './raw-store.js';
import { RoutedCaller } from './routed-caller.js';
import { schedule } from './schedule.js';

export interface RunPlan {
  readonly seed: number;
  readonly faults: number;
  readonly kinds: readonly Injection[];
  readonly folder: string;
  /** Ends the injections after this long, ms. */
  readonly longestMs: number;
  readonly preload?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly say: (text: string) => void;
}

const PLAIN_KEYS = 300;
const CLIENT_TIMEOUT_MS = 15_000;
const QUIET_WITHIN_MS = 180_000;
const EQUAL_AFTER_MS = 2_000;

export class FaultRun {
  readonly records: FaultRecord[] = [];
  problemsAfterwards: string[] = [];
  /** Epoch ms from which the times of the records count. */
  beganAt = 0;
  /** Why it does not come to rest after the last fault; nothing else can be judged then. */
  unquiet: string | undefined;
  /** Monotonic ms since which nothing is sent and nothing disturbed. */
  quietSince = 0;
  #world!: World;
  #load!: Load;
  #watch!: LogWatch;
  #memory!: MemoryWatch;
  #ledger: Ledger;

  private constructor(
    readonly plan: RunPlan,
    readonly cluster: FaultCluster,
    readonly caller: RoutedCaller,
  ) {
    this.#ledger = new Ledger(join(plan.folder, 'ledger.ndjson'));
  }

  static async start(plan: RunPlan): Promise<FaultRun> {
    const cluster = await FaultCluster.start({ ...plan, fakesClocks: true });
    return new FaultRun(plan, cluster, new RoutedCaller(cluster));
  }

  get world(): World {
    return this.#world;
  }

  get ownEnds(): OwnEnd[] {
    return this.cluster.all.flatMap(({ ownEnds }) => ownEnds);
  }

  get peaks(): readonly Peak[] {
    return this.#memory.peaks;
  }

  /** When Redis held not what it had held, until it was filled again. */
  get losses(): Loss[] {
    return this.records
      .filter(({ losesRedis }) => losesRedis)
      .map(({ begin, end, recoveryMs }) => {
        const until = recoveryMs === undefined ? Number.POSITIVE_INFINITY : this.beganAt + end + recoveryMs;
        return { from: this.beganAt + begin, until };
      });
  }

  /** Every key text that was handed out, and what processes log in with. */
  get secrets(): string[] {
    const { plain, limited, credited, policed } = this.#world;
    const keys = [plain, limited, credited, policed].flat().map(({ key }) => key);
    return [...keys, ...this.#load.keys.issued, ROOT_KEY, this.cluster.servers.password];
  }

  get logs(): string {
    return this.cluster.all.map((app) => app.logSince(0)).join('\n');
  }

  async run(): Promise<void> {
    const { seed, say } = this.plan;
    const { apps, servers } = this.cluster;
    this.#world = await buildWorld(this.caller, { plain: PLAIN_KEYS });
    this.#watch = new LogWatch(servers.kafkaPort);
    this.#memory = new MemoryWatch(this.cluster.all);
    const urls = [apps['ingress-1'], apps['ingress-2']];
    const targets = urls.map(({ url }) => {
      const target = new Target();
      target.attach(this.#to(url));
      return target;
    });
    this.#load = new Load(targets, this.#ledger, randomFrom(seed), this.#world);
    const verified = (caller: HttpCaller) => this.#verified(caller);
    const pulses = urls.map(({ name, url }) => new Pulse(name, this.#to(url), this.#watch, verified));
    this.#load.run({ verifiers: 6, ingesters: 4, pauseMs: 150 });
    await this.#disturb(pulses);
    say('quiet …');
    await this.#load.stop();
    await this.#quiet(pulses).catch((error: Error) => {
      this.unquiet = error.message;
    });
    this.quietSince = performance.now();
  }

  async #disturb(pulses: readonly Pulse[]): Promise<void> {
    const { seed, faults, kinds, longestMs, say } = this.plan;
    const plans = [...schedule(seed, faults, kinds).values()];
    const began = performance.now();
    this.beganAt = Date.now();
    const lanes: FaultLane[] = [];
    // What comes after a fault that was not recovered from says nothing.
    const isOver = () => performance.now() - began > longestMs || lanes.some(({ hasFailed }) => hasFailed);
    for (const _ of plans) lanes.push(new FaultLane(this.cluster, pulses, began, isOver, say));
    await Promise.all(lanes.map((lane, i) => lane.run(plans[i] ?? [])));
    this.records.push(...lanes.flatMap(({ records }) => records).sort((a, b) => a.number - b.number));
  }

  async look(): Promise<View> {
    const { caller, cluster } = this;
    const raw = new RawStore(cluster.servers.clickhouse.handle.port, cluster.servers.password);
    const enforcements = await settledEnforcements(caller);
    await this.#counted(raw);
    return {
      entries: readLedger(this.#ledger.path),
      usage: await raw.events(USAGE_TYPE),
      requests: await raw.events('request'),
      credits: await raw.events('keymeter.credits'),
      audit: await raw.events('keymeter.enforcement'),
      letters: await allDeadLetters(caller),
      enforcements,
    };
  }

  async stop(): Promise<void> {
    this.#memory?.close();
    this.caller.close();
    await this.#watch?.close();
    await this.cluster.stop();
  }

  async #verified(caller: HttpCaller): Promise<boolean> {
    const [key] = this.#world.plain;
    const answer = key && (await this.#load.verify.verify(caller, key));
    return answer?.outcome === 'acknowledged' && answer.code === 'VALID';
  }

  #to(url: string): HttpCaller {
    return new HttpCaller(url, ROOT_KEY, CLIENT_TIMEOUT_MS);
  }

  /** Every app ready, every spool empty, everything in the log counted; then keys as their revokes and creations say. */
  async #quiet(pulses: readonly Pulse[]): Promise<void> {
    await this.cluster.ready(QUIET_WITHIN_MS);
    const since = performance.now();
    // An event that comes behind all others of a spool and is in the log: the spool was emptied up to it.
    while (!pulses.every((pulse) => pulse.after(since))) {
      if (performance.now() - since > QUIET_WITHIN_MS) throw new Error('events do not come through after all faults');
      await pause(200);
    }
    for (const pulse of pulses) await pulse.close();
    for (const { url } of [this.cluster.apps['ingress-1'], this.cluster.apps['ingress-2']]) {
      const caller = this.#to(url);
      this.problemsAfterwards.push(...(await this.#load.keys.check(caller, this.#load.verify)));
      caller.close();
    }
  }

  /** Lag 0 on every partition, and two equal readings of what is stored. */
  async #counted(raw: RawStore): Promise<void> {
    const until = performance.now() + QUIET_WITHIN_MS;
    let before = -1;
    for (;;) {
      const partitions = await this.#watch.read();
      const behind = partitions.filter(({ end, committed }) => committed < end);
      const now = behind.length === 0 ? await raw.count('events') : -1;
      if (now >= 0 && now === before) return;
      if (performance.now() > until) throw new Error(`not counted: ${JSON.stringify(partitions)}`);
      before = now;
      await pause(EQUAL_AFTER_MS);
    }
  }
}
