import { setImmediate, setTimeout } from 'node:timers/promises';
import { Injectable, Optional } from '@nestjs/common';
import { KeymeterError } from '#domain/errors.js';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import { isThreshold } from '#domain/policies/grouping.js';
import { compileMatch } from '#domain/policies/matcher.js';
import type { Policy } from '#domain/policies/policy.js';
import { type Acting, type Conflict, conflictsWith } from '#domain/policies/policy-conflicts.js';
import { PolicyTrial } from '#domain/policies/policy-trial.js';
import { Clock } from '#ports/clock.js';
import { EventLookup } from '#ports/event-lookup.js';
import { invalidInput } from '#runtime/http/http-problem.js';
import { OneAtATime } from '../one-at-a-time.js';
import { PolicyBudget } from './policy-budget.js';

const DAY_MS = 86_400_000;
/** The sample is the newest events: of the shortest of these periods that has enough. */
const PERIODS_MS = [60_000, 600_000, 3_600_000, DAY_MS];
const MOST_EVENTS = 20_000;
/** Verifications of this process wait no longer than for so many. */
const EVENTS_AT_ONCE = 1_000;
/** A policy can be saved while the usage store is away or slow: it is told less of then. */
const SAMPLE_TIMEOUT_MS = 3_000;
/** Below this the clock says nothing of the speed. */
const LEAST_MS = 1;

/** What saving a policy tells of it. */
export interface PolicyCheckup {
  /** Bytes of state for each key, or whatever the policy is per. */
  readonly bytesPerKey: number;
  /** The newest events of the last day's log that have a type which can match; null where the store does not answer. */
  readonly sample: {
    readonly events: number;
    readonly matched: number;
    readonly keys: number;
    readonly decisions: number;
  } | null;
  /** Of one core, over that sample; null where there was too little. */
  readonly eventsPerSecond: number | null;
  /** Policies that could hold one key at the same time as this one. */
  readonly conflicts: readonly Conflict[];
}

/** Tries a policy on the last day's log before it is saved. */
@Injectable()
export class PolicyCheck {
  readonly #turns = new OneAtATime();

  constructor(
    private readonly lookup: EventLookup,
    private readonly clock: Clock,
    @Optional() private readonly budget: PolicyBudget = new PolicyBudget(65_536, 0),
  ) {}

  /** Throws a 400 where the policy is over the budget. */
  demand(policy: Policy, others: readonly Policy[]): Promise<PolicyCheckup> {
    return this.#turns.run(async () => {
      const found = await this.#sampleInTime(policy);
      const events = found ?? [];
      const trial = new PolicyTrial(policy);
      const eventsPerSecond = await this.#timed(trial, events);
      const { bytesPerKey, keys, matched, decisions } = trial;
      this.#refuse(bytesPerKey, eventsPerSecond);
      const conflicts = conflictsWith(actingOf(policy), others.filter(({ id }) => id !== policy.id).map(actingOf));
      const sample = found ? { events: events.length, matched, keys, decisions } : null;
      return { bytesPerKey, sample, eventsPerSecond, conflicts };
    });
  }

  /** Undefined where the usage store does not answer. */
  #sampleInTime(policy: Policy): Promise<PlacedEvent[] | undefined> {
    const sample = this.#sample(policy).catch((error: unknown) => {
      if (error instanceof KeymeterError) return undefined;
      throw error;
    });
    return Promise.race([sample, setTimeout(SAMPLE_TIMEOUT_MS, undefined, { ref: false })]);
  }

  /** In the order of acceptance. */
  async #sample(policy: Policy): Promise<PlacedEvent[]> {
    const { types } = compileMatch(isThreshold(policy) ? policy.match : policy.document.match);
    const now = this.clock.now();
    let found: PlacedEvent[] = [];
    for (const period of PERIODS_MS) {
      found = await this.lookup.newest(types && [...types], now - period, MOST_EVENTS);
      if (found.length === MOST_EVENTS) break;
    }
    return found.reverse();
  }

  async #timed(trial: PolicyTrial, events: readonly PlacedEvent[]): Promise<number | null> {
    let spent = 0;
    for (let at = 0; at < events.length; at += EVENTS_AT_ONCE) {
      const start = this.clock.monotonic();
      trial.run(events.slice(at, at + EVENTS_AT_ONCE));
      spent += this.clock.monotonic() - start;
      await setImmediate();
    }
    return spent < LEAST_MS ? null : Math.round((events.length * 1_000) / spent);
  }

  #refuse(bytesPerKey: number, eventsPerSecond: number | null): void {
    const { budget } = this;
    const errors = [];
    if (bytesPerKey > budget.bytesPerKey) {
      const message = `takes ${bytesPerKey} bytes for each key, and ${budget.bytesPerKey} are allowed`;
      errors.push({ location: '/measures', message, fix: 'measure less, or raise KEYMETER_POLICY_MAX_BYTES_PER_KEY' });
    }
    if (eventsPerSecond !== null && eventsPerSecond < budget.eventsPerSecond) {
      const message = `manages ${eventsPerSecond} events/s, and ${budget.eventsPerSecond} are asked for`;
      errors.push({ location: '/match', message, fix: 'measure less, or lower KEYMETER_POLICY_MIN_EVENTS_PER_SECOND' });
    }
    if (errors.length > 0) throw invalidInput('The policy costs more than is allowed.', errors);
  }
}

function actingOf(policy: Policy): Acting {
  return isThreshold(policy) ? policy : policy.document;
}
