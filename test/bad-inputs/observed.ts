/** What came back, whatever way the input went in. */
export interface Observed {
  /** HTTP status, exit code, or 0 for a connection that was closed without an answer. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The answer's body; everything a process printed; every byte of a raw connection. */
  readonly text: string;
  readonly tookMs: number;
  /** Highest resident memory of the process that ran the input, bytes; of CLI only. */
  readonly peakBytes?: number;
}
