/** What the run of a policy gets from its engine; one alone, as in a test of a document, has it to itself. */
import type { EngineCounters } from './engine-counters.js';
import type { EngineLimits } from './engine-limits.js';
import type { NumberedNames } from './numbered-names.js';
import type { SubjectShelf } from './subject-shelf.js';

export interface RunOptions {
  readonly limits?: EngineLimits;
  readonly counters?: EngineCounters;
  /** For subjects beyond `limits.maxTargets`. */
  readonly shelf?: SubjectShelf;
  /** Shared by all policies that count for the same subjects. */
  readonly names?: NumberedNames;
  /** See PolicyWatermark. */
  readonly completeTo?: number;
}
