/** What the engine left out, and why; shown as metrics, never part of a decision. */
export class EngineCounters {
  /** Older than the policy's watermark: usage counts them, policies do not. */
  late = 0;
  /** Matching events without a target, with one over 512 characters, or whose field is no decimal number. */
  unmeasured = 0;
  /** Events that the cap of events per target cost a window: its value is understated. */
  truncated = 0;
}
