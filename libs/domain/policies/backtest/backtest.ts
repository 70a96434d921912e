/**
 * A backtest: what a version of a policy would have done over stored events, beside the version that is in force. Pure: it
 * is fed every event that counted, partition by partition in the order of the log, as the live engine is.
 */
import type { PlacedEvent } from '../../events/usage-event.js';
import { readSplit } from '../../log/split-row.js';
import { subjectReader } from '../documents/subject-reader.js';
import type { EngineLimits } from '../engine-limits.js';
import { targetReader } from '../field-reader.js';
import { isThreshold } from '../grouping.js';
import type { Policy } from '../policy.js';
import { POLICY_SOURCE } from '../policy-change.js';
import { policyContentId, switchedOn } from './candidate.js';
import { PolicySide } from './policy-side.js';

export interface Tag {
  /** `data.plan`, or a column such as `apiId`. */
  readonly field: string;
  readonly value: string;
}

export interface BacktestOptions {
  readonly limits?: Partial<EngineLimits>;
  /** Acceptance, epoch ms: the range is `[from, to)`. */
  readonly from: number;
  readonly to: number;
  readonly tagged?: Tag;
}

/** Subjects whose tag is remembered. */
const MAX_TAGGED = 1_000_000;

export class Backtest {
  readonly candidate: PolicySide;
  /** Undefined where there is none, or it decides the same. */
  readonly current: PolicySide | undefined;
  events = 0;
  warmUpEvents = 0;
  /** Event time of the events of the range. */
  firstTime = Number.POSITIVE_INFINITY;
  lastTime = Number.NEGATIVE_INFINITY;
  readonly tagged = new Set<string>();
  readonly #subjectOf: (event: PlacedEvent) => string;
  readonly #isTagged: ((event: PlacedEvent) => boolean) | undefined;
  #splitAt: { partition: number; from: number; partitions: number; at: number } | undefined;

  constructor(
    candidate: Policy,
    inForce: Policy | undefined,
    readonly options: BacktestOptions,
  ) {
    const limits = options.limits ?? {};
    this.candidate = new PolicySide(switchedOn(candidate), limits);
    const differs = inForce !== undefined && policyContentId(inForce) !== policyContentId(candidate);
    this.current = differs ? new PolicySide(switchedOn(inForce), limits) : undefined;
    this.#subjectOf = isThreshold(candidate) ? targetReader(candidate.groupBy) : subjectReader(candidate.document.per);
    this.#isTagged = options.tagged && tagTest(options.tagged);
  }

  begin(partition: number): void {
    this.#splitAt = undefined;
    this.candidate.begin(partition);
    this.current?.begin(partition);
  }

  apply(event: PlacedEvent): void {
    if (this.#splitAt !== undefined && event.offset > this.#splitAt.at) this.end();
    const { from } = this.options;
    this.candidate.apply(event, from);
    this.current?.apply(event, from);
    const split = readSplit(event);
    if (split) this.#splitAt = { ...split, partition: event.partition, at: event.offset };
    if (event.source === POLICY_SOURCE || split) return;
    if (event.acceptedAt < from) {
      this.warmUpEvents++;
      return;
    }
    this.events++;
    if (event.time < this.firstTime) this.firstTime = event.time;
    if (event.time > this.lastTime) this.lastTime = event.time;
    if (this.#isTagged?.(event) && this.tagged.size < MAX_TAGGED) this.tagged.add(this.#subjectOf(event));
  }

  /** After the last event of a partition: a split in its last record hands the state on. */
  end(): void {
    if (this.#splitAt === undefined) return;
    const { partition, ...split } = this.#splitAt;
    this.#splitAt = undefined;
    this.candidate.split(partition, split);
    this.current?.split(partition, split);
  }
}

function tagTest({ field, value }: Tag): (event: PlacedEvent) => boolean {
  const read = targetReader(field);
  return (event) => read(event) === value;
}
