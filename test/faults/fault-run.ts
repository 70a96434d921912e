/** One run: a system under load, faults in lanes side by side, quiet, and what everything says afterwards. */
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
import type { AppProcess, OwnEnd } from './app-process.js';
import { ROOT_KEY } from './fault-cluster.js';
import { FaultLane, type FaultRecord } from './fault-lane.js';
import type { Injection, Stage } from './injection.js';
import { MemoryWatch, type Peak } from './memory-watch.js';
import { Pulse } from './pulse.js';
import { schedule } from './schedule.js';
import type { Subject } from './subject.js';

export interface RunPlan<S extends Stage> {
  readonly seed: number;
  readonly faults: number;
  readonly kinds: readonly Injection<S>[];
  readonly folder: string;
  /** Ends the injections after this long, ms. */
  readonly longestMs: number;
  readonly say: (text: string) => void;
}

const PLAIN_KEYS = 300;
const CLIENT_TIMEOUT_MS = 15_000;
const QUIET_WITHIN_MS = 180_000;

export class FaultRun<S extends Stage> {
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
  readonly #memory: MemoryWatch;
  readonly #ledger: Ledger;

  constructor(
    readonly plan: RunPlan<S>,
    readonly subject: Subject<S>,
  ) {
    this.#ledger = new Ledger(join(plan.folder, 'ledger.ndjson'));
    this.#memory = new MemoryWatch(subject.stage.all);
  }

  get apps(): readonly AppProcess[] {
    return this.subject.stage.all;
  }

  get world(): World {
    return this.#world;
  }

  get ownEnds(): OwnEnd[] {
    return this.apps.flatMap(({ ownEnds }) => ownEnds);
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
    return [...keys, ...this.#load.keys.issued, ...this.subject.secrets];
  }

  get logs(): string {
    return this.apps.map((app) => app.logSince(0)).join('\n');
  }

  async run(): Promise<void> {
    const { plan, subject } = this;
    this.#world = await buildWorld(subject.caller, { plain: PLAIN_KEYS });
    const targets = subject.ingresses.map(({ url }) => {
      const target = new Target();
      target.attach(caller(url));
      return target;
    });
    this.#load = new Load(targets, this.#ledger, randomFrom(plan.seed), this.#world);
    const isCounted = (position: string) => subject.isCounted(position);
    const verified = (from: HttpCaller) => this.#verified(from);
    const pulses = subject.ingresses.map(({ name, url }) => new Pulse(name, caller(url), isCounted, verified));
    this.#load.run({ verifiers: 6, ingesters: 4, pauseMs: 150 });
    await this.#disturb(pulses);
    plan.say('quiet …');
    await this.#load.stop();
    await this.#quiet(pulses).catch((error: Error) => {
      this.unquiet = error.message;
    });
    this.quietSince = performance.now();
  }

  async look(): Promise<View> {
    const { subject } = this;
    const enforcements = await settledEnforcements(subject.caller);
    await subject.counted(QUIET_WITHIN_MS);
    return {
      entries: readLedger(this.#ledger.path),
      usage: await subject.events(USAGE_TYPE),
      requests: await subject.events('request'),
      credits: await subject.events('keymeter.credits'),
      audit: await subject.events('keymeter.enforcement'),
      letters: await allDeadLetters(subject.caller),
      enforcements,
    };
  }

  close(): void {
    this.#memory.close();
    this.#ledger.close();
  }

  async #disturb(pulses: readonly Pulse[]): Promise<void> {
    const { seed, faults, kinds, longestMs, say } = this.plan;
    const plans = [...schedule(seed, faults, kinds).values()];
    const began = performance.now();
    this.beganAt = Date.now();
    const lanes: FaultLane<S>[] = [];
    let done = 0;
    const progress = (text: string) => {
      const minutes = ((performance.now() - began) / 60_000).toFixed(1);
      say(`[${++done} of ${faults}, ${minutes} min] ${text}`);
    };
    // What comes after a fault that was not recovered from says nothing.
    const isOver = () => performance.now() - began > longestMs || lanes.some(({ hasFailed }) => hasFailed);
    for (const _ of plans) lanes.push(new FaultLane(this.subject.stage, pulses, began, isOver, progress));
    await Promise.all(lanes.map((lane, i) => lane.run(plans[i] ?? [])));
    this.records.push(...lanes.flatMap(({ records }) => records).sort((a, b) => a.number - b.number));
  }

  async #verified(from: HttpCaller): Promise<boolean> {
    const [key] = this.#world.plain;
    const answer = key && (await this.#load.verify.verify(from, key));
    return answer?.outcome === 'acknowledged' && answer.code === 'VALID';
  }

  /** Every app ready, every spool empty, everything in the log counted; then keys as their revokes and creations say. */
  async #quiet(pulses: readonly Pulse[]): Promise<void> {
    await this.subject.ready(QUIET_WITHIN_MS);
    const since = performance.now();
    // An event that comes behind all others of a spool and is in the log: the spool was emptied up to it.
    while (!pulses.every((pulse) => pulse.after(since))) {
      if (performance.now() - since > QUIET_WITHIN_MS) throw new Error('events do not come through after all faults');
      await pause(200);
    }
    for (const pulse of pulses) await pulse.close();
    for (const { url } of this.subject.ingresses) {
      const from = caller(url);
      this.problemsAfterwards.push(...(await this.#load.keys.check(from, this.#load.verify)));
      from.close();
    }
  }
}

function caller(url: string): HttpCaller {
  return new HttpCaller(url, ROOT_KEY, CLIENT_TIMEOUT_MS);
}
