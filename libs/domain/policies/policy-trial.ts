/** What a policy costs, tried on events: state for each subject, and the work of its run. */
import type { PlacedEvent } from '../events/usage-event.js';
import { DocumentRun } from './documents/document-run.js';
import { NAME_BYTES } from './documents/policy-cost.js';
import { PolicyEngine } from './engine.js';
import { isThreshold } from './grouping.js';
import type { Policy } from './policy.js';

/** What the engine keeps of a counted event of a threshold policy: time, offset and place, of a sum the value too. */
const COUNT_BYTES = 24;
const SUM_BYTES = 40;

export class PolicyTrial {
  readonly #engine = new PolicyEngine();
  matched = 0;
  decisions = 0;

  constructor(private readonly policy: Policy) {
    this.#engine.putPolicy(policy);
  }

  /** In the order of the log. */
  run(events: readonly PlacedEvent[]): void {
    const [run] = this.#engine.runs;
    for (const event of events) {
      this.decisions += this.#engine.apply(event).length;
      if (run?.match.matches(event)) this.matched++;
    }
  }

  get keys(): number {
    return this.#engine.targets;
  }

  /** A document's is fixed, besides values that are kept one by one; of a threshold policy the mean over the trial. */
  get bytesPerKey(): number {
    const [run] = this.#engine.runs;
    if (run instanceof DocumentRun) return run.bytesPerSubject + NAME_BYTES;
    const bytes = isThreshold(this.policy) && this.policy.aggregate === 'sum' ? SUM_BYTES : COUNT_BYTES;
    return NAME_BYTES + Math.ceil((bytes * this.#engine.keptEvents) / Math.max(1, this.keys));
  }
}
