/** How many partitions the event log has, and raising their number while it is written and read. */
export interface LogPartitionsState {
  readonly partitions: number;
  /** The number now and those before it, the first one first. */
  readonly counts: readonly number[];
  /** Partitions that have not begun to count by the newest number yet; empty when a raise is carried through. */
  readonly moving: readonly number[];
}

export type RaiseOutcome =
  | { readonly ok: true; readonly state: LogPartitionsState }
  /** `moving`: the raise before is not carried through yet, or another one came first. */
  | { readonly ok: false; readonly fault: 'impossible' | 'moving'; readonly detail: string };

export abstract class LogPartitions {
  abstract state(): Promise<LogPartitionsState>;

  /**
   * When it resolves with `ok` the raise stands and is carried through by whoever reads the log, also when the caller
   * ends. A repeat changes nothing. One that was cut off before is completed by a repeat, or has not happened.
   */
  abstract raise(partitions: number): Promise<RaiseOutcome>;
}
