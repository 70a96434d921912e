/** Runs one server after the other under the same load, and asks the system what each request cost it. */
import type { LoadGenerator } from '../load/load-generator.js';
import type { LoadPlan, LoadResult } from '../load/load-plan.js';
import type { Bench, Measurement } from '../measurement.js';
import { allThreads, type ServerProcess } from '../servers/server-process.js';
import { median } from '../statistics.js';

const CONNECTIONS = 32;
const WARM_UP_MS = 1_000;

export interface Contender {
  readonly process: ServerProcess;
  readonly plan: Pick<LoadPlan, 'url' | 'requests' | 'expected'>;
  /** Pids of servers that work for it. */
  readonly servers?: Readonly<Record<string, number>>;
}

export interface VerifyRun extends LoadResult {
  /** Processor time per request, µs: of the thread that serves HTTP, and of all threads until all is counted. */
  readonly servingUs: number;
  readonly allUs: number;
  /** Of each of its servers, µs. */
  readonly serverUs: Readonly<Record<string, number>>;
}

export type Rounds = Readonly<Record<string, readonly VerifyRun[]>>;

export interface RigOptions {
  readonly suite: string;
  /** Resolves when nothing is left to do for what was answered: a backlog would take the processor from the next run. */
  readonly drained: () => Promise<unknown>;
}

export class VerifyRig {
  constructor(
    private readonly bench: Bench,
    private readonly load: LoadGenerator,
    private readonly options: RigOptions,
    private readonly contenders: Readonly<Record<string, Contender>>,
  ) {}

  /** One more round than asked for comes first and is thrown away: code is still being compiled. */
  async rounds(names: readonly string[], count: number): Promise<Rounds> {
    const results: Record<string, VerifyRun[]> = Object.fromEntries(names.map((name) => [name, []]));
    for (let round = 0; round <= count; round++) {
      for (const name of names) {
        const run = await this.#run(this.contenders[name] as Contender);
        const { perSecond, p99Ms, servingUs, allUs } = run;
        const cost = `${Math.round(servingUs)} of ${Math.round(allUs)} µs`;
        this.bench.say(
          `${this.options.suite}, round ${round} of ${count}: ${name} ${Math.round(perSecond)}/s, p99 ${p99Ms.toFixed(2)} ms, ${cost}`,
        );
        if (round > 0) results[name]?.push(run);
      }
    }
    return results;
  }

  async #run({ process, plan, servers = {} }: Contender): Promise<VerifyRun> {
    const before = process.cpu();
    const serversBefore = secondsOf(servers);
    const durationMs = this.bench.options.seconds * 1_000;
    const result = await this.load.run({ ...plan, connections: CONNECTIONS, warmUpMs: WARM_UP_MS, durationMs });
    const served = process.cpu();
    await this.options.drained();
    const counted = process.cpu();
    const serversAfter = secondsOf(servers);
    const perRequest = (seconds: number) => (seconds / result.allAnswers) * 1e6;
    return {
      ...result,
      servingUs: perRequest(served.serving - before.serving),
      allUs: perRequest(counted.all - before.all),
      serverUs: Object.fromEntries(
        Object.entries(serversAfter).map(([name, after]) => [name, perRequest(after - (serversBefore[name] ?? 0))]),
      ),
    };
  }
}

function secondsOf(servers: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(servers).map(([name, pid]) => [name, allThreads(pid)]));
}

/** Medians of the rounds of one contender. */
export function figuresOf(runs: readonly VerifyRun[]) {
  const middle = (of: (run: VerifyRun) => number) => median(runs.map(of));
  const note = `${middle((it) => it.servingUs).toFixed(0)} µs of its thread, ${middle((it) => it.allUs).toFixed(0)} in all`;
  return {
    value: middle((it) => it.perSecond),
    unit: 'req/s',
    p50Ms: middle((it) => it.p50Ms),
    p99Ms: middle((it) => it.p99Ms),
    note,
  };
}

/** Rates beside those of another contender: the median of the ratios, each taken within its round. */
export function referenceOf(
  name: string,
  own: readonly VerifyRun[],
  others: readonly VerifyRun[],
): NonNullable<Measurement['reference']> {
  const ratio = median(own.map((run, i) => run.perSecond / (others[i]?.perSecond ?? Number.NaN)));
  return { name, value: median(others.map((run) => run.perSecond)), ratio };
}
