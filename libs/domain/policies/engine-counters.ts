/** What the engine left out, and why; shown as metrics, never part of a decision. */
export class EngineCounters {
  /** Older than the policy's watermark: usage counts them, policies do not. */
  late = 0;
  /** Matching events without a target, with one over 512 characters, or whose field is no decimal number. */
  unmeasured = 0;
  /** Events that the cap of events per target cost a window: its value is understated. */
  truncated = 0;
}

export interface EngineLimits {
  /** How far behind the newest event of a policy an event may be and still count, ms of event time. */
  readonly latenessMs: number;
  /** Targets per policy in memory; above it the least recently active ones are laid aside and lose nothing. */
  readonly maxTargets: number;
  /** Events per target of a sliding window; above it the oldest no longer count. */
  readonly maxEventsPerTarget: number;
  /** Counted events kept by the whole engine (24 to 40 bytes each); above it the largest policy lays targets aside. */
  readonly maxEvents: number;
}
