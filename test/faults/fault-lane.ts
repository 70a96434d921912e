/** Runs the faults of one lane, one after another: wait, inject, wait until what it hit is well again. */
import { setTimeout as pause } from 'node:timers/promises';
import type { AppProcess } from './app-process.js';
import { HarnessError, type Stage } from './injection.js';
import type { Pulse } from './pulse.js';
import type { Planned } from './schedule.js';

export interface FaultRecord {
  readonly number: number;
  readonly kind: string;
  readonly target: string;
  readonly params: Planned['params'];
  /** ms since the run began. */
  readonly begin: number;
  readonly end: number;
  /** From the end of the cause until what it hit was well again, ms; undefined when it never was. */
  readonly recoveryMs: number | undefined;
  readonly bite: string;
  readonly losesRedis: boolean;
  readonly problems: readonly string[];
}

const RECOVERED_WITHIN_MS = 180_000;
const LOOK_EVERY_MS = 100;
/** A process that another lane lets stand still says it when it goes on. */
const NAMED_WITHIN_MS = 30_000;

interface Earlier {
  readonly pid: number | undefined;
  readonly logSize: number;
}

export class FaultLane<S extends Stage> {
  readonly records: FaultRecord[] = [];

  constructor(
    private readonly stage: S,
    private readonly pulses: readonly Pulse[],
    private readonly runBegan: number,
    private readonly isOver: () => boolean,
    private readonly say: (text: string) => void,
  ) {}

  /** Whether a fault was not recovered from. */
  get hasFailed(): boolean {
    return this.records.some(({ recoveryMs }) => recoveryMs === undefined);
  }

  async run(planned: readonly Planned<S>[]): Promise<void> {
    for (const next of planned) {
      if (this.isOver()) return;
      await pause(next.waitMs);
      const record = await this.#one(next);
      this.records.push(record);
      const recovered = record.recoveryMs === undefined ? 'NOT RECOVERED' : `well after ${record.recoveryMs} ms`;
      this.say(`${String(record.number).padStart(3)} ${record.kind} ${record.target}: ${record.bite}; ${recovered}`);
    }
  }

  async #one({ number, injection, params }: Planned<S>): Promise<FaultRecord> {
    const { stage } = this;
    const begin = performance.now();
    const before = new Map(stage.all.map((app) => [app, { pid: app.pid, logSize: app.logSize }]));
    const problems: string[] = [];
    const bite = await injection.inject(stage, params).catch((error: unknown) => {
      problems.push(error instanceof HarnessError ? error.message : ((error as Error).stack ?? String(error)));
      return (error as Error).message;
    });
    const end = performance.now();
    const names = injection.affects?.(params);
    const affected = names ? stage.all.filter(({ name }) => names.includes(name)) : stage.wanted;
    const recoveryMs = await this.#recovered(affected, end, injection.losesRedis ?? false);
    if (recoveryMs === undefined) problems.push(`not well again ${RECOVERED_WITHIN_MS / 1_000} s after its end`);
    const { named } = injection;
    if (named && !(await isNamed(named, affected, before))) {
      problems.push(`no log of ${affected.map(({ name }) => name).join(', ')} says ${named}`);
    }
    return {
      number,
      kind: injection.kind,
      target: params.target,
      params,
      begin: Math.round(begin - this.runBegan),
      end: Math.round(end - this.runBegan),
      recoveryMs,
      bite,
      losesRedis: injection.losesRedis ?? false,
      problems,
    };
  }

  /** All of them ready, and what went through one ingress of them (`everywhere`: each) afterwards well and counted. */
  async #recovered(affected: readonly AppProcess[], since: number, everywhere: boolean): Promise<number | undefined> {
    const ingresses = this.pulses.filter(({ name }) => affected.some((app) => app.name === name));
    const relevant = ingresses.length > 0 ? ingresses : this.pulses;
    const ready = new Set<AppProcess>();
    while (performance.now() - since < RECOVERED_WITHIN_MS) {
      for (const app of affected) {
        if (!ready.has(app) && (await app.readiness())?.status === 200) ready.add(app);
      }
      const well = relevant.filter((pulse) => pulse.after(since)).length;
      if (well >= (everywhere ? relevant.length : 1) && ready.size === affected.length)
        return Math.round(performance.now() - since);
      await pause(LOOK_EVERY_MS);
    }
    return undefined;
  }
}

async function isNamed(
  named: RegExp,
  affected: readonly AppProcess[],
  before: ReadonlyMap<AppProcess, Earlier>,
): Promise<boolean> {
  for (const end = performance.now() + NAMED_WITHIN_MS; performance.now() < end; await pause(LOOK_EVERY_MS)) {
    // One that was killed by another lane meanwhile had perhaps no time to say it.
    if (affected.some((app) => app.pid !== before.get(app)?.pid)) return true;
    if (affected.some((app) => named.test(app.logSince(before.get(app)?.logSize ?? 0)))) return true;
  }
  return false;
}
