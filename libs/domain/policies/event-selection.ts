/** What of an event a policy counts: whether it matches, for whom it counts, and how much. Compiled once per policy. */
import type { UsageEvent } from '../events/usage-event.js';
import { type FieldReader, prefixedReader, targetReader } from './field-reader.js';
import { compileMatch, type EventMatch } from './matcher.js';
import { type Measure, readMeasure } from './measure.js';
import type { ThresholdPolicy } from './threshold-policy.js';

export class EventSelection {
  readonly match: EventMatch;
  readonly #target: (event: UsageEvent) => string;
  readonly #field: FieldReader | undefined;

  constructor({ match, groupBy, field }: Pick<ThresholdPolicy, 'match' | 'groupBy' | 'field'>) {
    this.match = compileMatch(match);
    this.#target = targetReader(groupBy);
    this.#field = field === undefined ? undefined : prefixedReader(field);
  }

  /**
   * Of an event that matches: the target, with `into` filled where the policy sums (a count leaves it as it is); '' when
   * the event has no target or no number to sum.
   */
  measure(event: UsageEvent, into: Measure): string {
    const target = this.#target(event);
    if (target === '' || this.#field === undefined) return target;
    return readMeasure(this.#field(event), into) ? target : '';
  }
}
