/** One data folder, many lives: load, kill -9, start again; the last life is left running for the oracles. */
import { join } from 'node:path';
import { launchStandalone, ROOT_KEY, type Standalone, startStandalone } from '../support/standalone.js';
import { HttpCaller } from './http-caller.js';
import { USAGE_TYPE } from './ingest-load.js';
import { type Entry, Ledger, readLedger } from './ledger.js';
import { Load } from './load.js';
import {
  allDeadLetters,
  allEvents,
  type DeadLetter,
  type ListedEnforcement,
  type RawEvent,
  settled,
  settledEnforcements,
} from './server-view.js';
import { Target } from './target.js';
import { buildWorld, type World } from './world.js';

export interface KillPlan {
  readonly dataDir: string;
  /** Where the ledger is written; outside the data folder. */
  readonly ledgerDir: string;
  readonly kills: number;
  /** Further kills until this holds of the logs so far, at most four times as many. */
  readonly until?: (logs: string) => boolean;
  readonly random: () => number;
  /** Longest life under load, ms; most lives are shorter. */
  readonly longestLifeMs: number;
  /** Share of lives that end while the process is still recovering. */
  readonly duringRecovery: number;
  /** Settings of all lives but the last. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What the server says after everything is counted, beside the ledger of what was sent. */
export interface View {
  readonly entries: Entry[];
  readonly usage: RawEvent[];
  readonly requests: RawEvent[];
  readonly credits: RawEvent[];
  readonly audit: RawEvent[];
  readonly letters: DeadLetter[];
  readonly enforcements: ListedEnforcement[];
}

export class KillRun {
  /** From start to ready, ms, of every start that got there. */
  readonly recoveries: number[] = [];
  readonly problemsAfterRestart: string[] = [];
  #logs = '';
  readonly #target = new Target();
  readonly #ledger: Ledger;
  #load!: Load;
  #world!: World;
  #last!: Standalone;
  #caller!: HttpCaller;

  constructor(private readonly plan: KillPlan) {
    this.#ledger = new Ledger(join(plan.ledgerDir, 'ledger.ndjson'));
  }

  get world(): World {
    return this.#world;
  }

  get caller(): HttpCaller {
    return this.#caller;
  }

  get logs(): string {
    return this.#logs + this.#last.logs;
  }

  /** Every key text that was handed out, and the root key. */
  get secrets(): string[] {
    const { plain, limited, credited, policed } = this.#world;
    return [...[plain, limited, credited, policed].flat().map(({ key }) => key), ...this.#load.keys.issued, ROOT_KEY];
  }

  async run(): Promise<void> {
    const { dataDir, env, random, kills, until } = this.plan;
    const first = await startStandalone({ dataDir, env });
    this.#world = await buildWorld(new HttpCaller(first.url, ROOT_KEY));
    this.#load = new Load([this.#target], this.#ledger, random, this.#world);
    this.#load.run({ verifiers: 6, ingesters: 3, pauseMs: 20 });
    await this.#live(first);
    for (let kill = 1; kill < kills; kill++) await this.#nextLife();
    for (let more = 0; more < 4 * kills && until && !until(this.#logs); more++) await this.#nextLife();
    await this.startLast();
    await this.#load.stop();
    await this.#check(this.#caller);
  }

  /** Starts the process anew for reading; ends the one that is running in good order. */
  async startLast(): Promise<void> {
    this.#last = await startStandalone({ dataDir: this.plan.dataDir });
    this.recoveries.push(performance.now() - this.#last.startedAt);
    this.#caller = new HttpCaller(this.#last.url, ROOT_KEY);
  }

  async endLast(): Promise<{ code: number | null }> {
    this.#caller.close();
    const exit = await this.#last.end('SIGTERM');
    this.#logs += this.#last.logs;
    return exit;
  }

  async look(): Promise<View> {
    const caller = this.#caller;
    await settled(caller);
    const enforcements = await settledEnforcements(caller);
    await settled(caller); // their audit events came after the first marker
    return {
      entries: readLedger(this.#ledger.path),
      usage: await allEvents(caller, USAGE_TYPE),
      requests: await allEvents(caller, 'request'),
      credits: await allEvents(caller, 'keymeter.credits'),
      audit: await allEvents(caller, 'keymeter.enforcement'),
      letters: await allDeadLetters(caller),
      enforcements,
    };
  }

  async #nextLife(): Promise<void> {
    const { dataDir, env, random, duringRecovery } = this.plan;
    const standalone = launchStandalone({ dataDir, env });
    if (random() < duringRecovery) {
      await pause(2_000 * random());
      return this.#kill(standalone);
    }
    this.recoveries.push(await standalone.ready());
    const caller = new HttpCaller(standalone.url, ROOT_KEY);
    await this.#check(caller);
    caller.close();
    await this.#live(standalone);
  }

  /** Under load for a random while, then killed. */
  async #live(standalone: Standalone): Promise<void> {
    this.#target.attach(new HttpCaller(standalone.url, ROOT_KEY));
    await pause(100 + this.plan.longestLifeMs * this.plan.random() ** 2);
    await this.#kill(standalone);
    this.#target.detach();
  }

  async #kill(standalone: Standalone): Promise<void> {
    const { signal } = await standalone.end('SIGKILL');
    this.#logs += standalone.logs;
    if (signal !== 'SIGKILL') throw new Error(`it ended before the kill:\n${standalone.logs}`);
  }

  async #check(caller: HttpCaller): Promise<void> {
    this.problemsAfterRestart.push(...(await this.#load.keys.check(caller, this.#load.verify)));
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
