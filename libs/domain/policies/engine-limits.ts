/** How much an engine keeps, and how late events may be. */
import { MAX_EVENTS_PER_TARGET } from './threshold-policy.js';

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

export const DEFAULT_LIMITS: EngineLimits = {
  latenessMs: 300_000,
  maxTargets: 500_000,
  maxEventsPerTarget: MAX_EVENTS_PER_TARGET,
  maxEvents: 4_000_000,
};
