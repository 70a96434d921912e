/** Everything that explains one decision to a person. */
import type { JsonObject } from '../../json.js';
import type { EventPosition } from '../../log/position.js';
import type { Enforcement } from '../enforcement.js';
import type { Author } from '../policy-version.js';
import type { MeasureSeries } from './measure-series.js';

export interface ExplainedEvent extends EventPosition {
  readonly id: string;
  /** Event time and acceptance, epoch ms. */
  readonly time: number;
  readonly acceptedAt: number;
  /** For operators only. */
  readonly type?: string;
  readonly subject?: string;
  readonly data?: JsonObject | null;
}

export interface ExplainedPolicy {
  readonly name: string;
  readonly version: number;
  /** When this version was put, epoch ms. */
  readonly at: number;
  /** For operators only. */
  readonly author?: Author;
  /** As it was written, else as JSON; for holders without owner, exceptions and examples. */
  readonly text: string;
}

/** Made anew from the stored events of the subject, by the engine that decided. */
export interface DerivedDecision {
  /** These events alone give this very decision. */
  readonly same: boolean;
  /** What is missing here, or differs, and why. */
  readonly notes: readonly string[];
  readonly measures: readonly MeasureSeries[];
  /** Of the windows, in the order of the log; the last ones, where there are too many. */
  readonly events: readonly ExplainedEvent[];
  readonly eventCount: number;
}

export interface Explanation {
  readonly enforcement: Omit<Enforcement, 'events'>;
  readonly active: boolean;
  readonly sentence: string;
  /** What a caller is told that it blocks; absent where it blocks nobody. */
  readonly refusal?: string;
  /** Absent where that version is not kept any more. */
  readonly policy?: ExplainedPolicy;
  readonly derived?: DerivedDecision;
}
