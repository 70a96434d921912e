/** One figure of the report, with what it is compared to and what it should reach. */
export interface Measurement {
  readonly suite: string;
  readonly name: string;
  readonly value: number;
  /** Printed as it is: `req/s`, `events/s`, `ms`, `MiB`. */
  readonly unit: string;
  /** Measured in the same run, in the same unit. `ratio` is the median of the rounds' ratios. */
  readonly reference?: { readonly name: string; readonly value: number; readonly ratio: number };
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly targets?: readonly Target[];
  readonly note?: string;
}

export interface Target {
  readonly of: 'value' | 'ratio' | 'p99Ms';
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** A figure that is missing or NaN reaches nothing. */
export function isReached({ value, reference, p99Ms }: Measurement, { of, atLeast, atMost }: Target): boolean {
  const figure = { value, ratio: reference?.ratio, p99Ms }[of] ?? Number.NaN;
  return figure >= (atLeast ?? -Infinity) && figure <= (atMost ?? Infinity);
}

export interface Options {
  /** Length of one measured round of load, s. */
  readonly seconds: number;
  readonly rounds: number;
  /** Rows of the consumer's log. */
  readonly rows: number;
  /** Lines of the imported file. */
  readonly lines: number;
  /** Calls of the suite of revocations. */
  readonly revocations: number;
  /** Limits that are tried, and how often each. */
  readonly limits: readonly number[];
  readonly trials: number;
  /** Enforcements that are timed, quiet and under load. */
  readonly enforcements: number;
  /** Events of one run of scale-out, and runs of each number of consumers. */
  readonly events: number;
  readonly passes: number;
  /** Length of the soak, s; 0 leaves it out. */
  readonly soakSeconds: number;
}

/** What a suite gets: the options, a folder of its own, and a way to say what it is doing. */
export interface Bench {
  readonly options: Options;
  readonly folder: string;
  say(text: string): void;
}

export type Suite = (bench: Bench) => Promise<Measurement[]>;
