import { Injectable, Optional } from '@nestjs/common';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import { comparePositions } from '#domain/log/position.js';
import { type Enforcement, isActive } from '#domain/policies/enforcement.js';
import { enforcementSentence, refusalSentence } from '#domain/policies/enforcement-sentence.js';
import { DEFAULT_LIMITS } from '#domain/policies/engine-limits.js';
import { type Derivation, deriveDecision } from '#domain/policies/explanation/decision-replay.js';
import { type Beginning, eventSpan, isBefore } from '#domain/policies/explanation/event-span.js';
import type {
  DerivedDecision,
  ExplainedEvent,
  ExplainedPolicy,
  Explanation,
} from '#domain/policies/explanation/explanation.js';
import { isThreshold } from '#domain/policies/grouping.js';
import type { Policy } from '#domain/policies/policy.js';
import { countsAlike, decidesAlike } from '#domain/policies/policy-continuity.js';
import { contentOf } from '#domain/policies/policy-difference.js';
import type { PolicyVersion } from '#domain/policies/policy-version.js';
import { Clock } from '#ports/clock.js';
import { EnforcementStore } from '#ports/enforcement-store.js';
import { EventLookup } from '#ports/event-lookup.js';
import { PolicyStore } from '#ports/policy-store.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { OneAtATime } from '../one-at-a-time.js';

/** Stored events that one explanation reads at most: 31 days of a busy key are more. */
const MOST_READ = 50_000;
/** A holder asks without a root key: less work for each. */
const MOST_READ_FOR_HOLDERS = 5_000;
/** Each reads the usage store: one at a time, and who comes when so many wait is asked to come again. */
const MOST_WAITING = 16;

export interface ExplanationScope {
  /** An operator sees the events themselves, authors and the whole text of the policy. */
  readonly isOperator: boolean;
  /** Listed events at most. */
  readonly events: number;
}

/** How late events may be and still count, as the engines of this process have it, ms. */
export class LiveLateness {
  constructor(readonly ms: number) {}
}

/** Explains a decision by making it again from the stored events. */
@Injectable()
export class ExplanationDesk {
  readonly #turns = new OneAtATime();
  #waiting = 0;

  constructor(
    private readonly store: EnforcementStore,
    private readonly policies: PolicyStore,
    private readonly lookup: EventLookup,
    private readonly clock: Clock,
    @Optional() private readonly lateness: LiveLateness = new LiveLateness(DEFAULT_LIMITS.latenessMs),
  ) {}

  /** Undefined where there is no such enforcement. */
  async explain(id: string, scope: ExplanationScope): Promise<Explanation | undefined> {
    const enforcement = await this.store.find(id);
    if (!enforcement) return undefined;
    const { events: _events, ...made } = enforcement;
    const version = await this.#version(enforcement.policyId, enforcement.policyVersion);
    const { action, mode } = enforcement;
    return {
      enforcement: made,
      active: isActive(enforcement, this.clock.now()),
      sentence: enforcementSentence(enforcement),
      ...(mode === 'on' && action.type !== 'warn' ? { refusal: refusalSentence(enforcement) } : {}),
      ...(version ? { policy: explainedPolicy(version, scope) } : {}),
      ...(version ? { derived: await this.#inTurn(() => this.#derived(enforcement, version, scope)) } : {}),
    };
  }

  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MOST_WAITING) {
      const message = 'Too many explanations are being made: ask again in a moment.';
      throw new HttpProblem(503, 'keymeter/overloaded', message, { headers: { 'Retry-After': '2' } });
    }
    this.#waiting++;
    try {
      return await this.#turns.run(task);
    } finally {
      this.#waiting--;
    }
  }

  async #derived(enforcement: Enforcement, version: PolicyVersion, scope: ExplanationScope): Promise<DerivedDecision> {
    const { policy } = version;
    const beginning = await this.#beginning(version);
    const limit = scope.isOperator ? MOST_READ : MOST_READ_FOR_HOLDERS;
    const read = await this.lookup.eventsOf(eventSpan(enforcement, policy, beginning, this.lateness.ms), limit + 1);
    const events = read.slice(0, limit).filter((event) => isBefore(event, enforcement, beginning));
    const before = await this.#before(enforcement, policy);
    const derivation = deriveDecision({ policy, enforcement, events, before, latenessMs: this.lateness.ms });
    const { counted, isSame } = derivation;
    const oldestRead = read.length > limit ? events.at(-1) : undefined;
    return {
      same: isSame,
      notes: notesOf(enforcement, events, derivation, oldestRead),
      measures: derivation.series,
      events: counted.slice(-scope.events).map((event) => explainedEvent(event, scope)),
      eventCount: counted.length,
    };
  }

  /** A version that measures what the one before it did goes on with what that had counted. */
  async #beginning(version: PolicyVersion): Promise<Beginning> {
    let first = version;
    for (;;) {
      const before = await this.policies.version(first.policy.id, first.policy.version - 1);
      if (!before || !countsAlike(before.policy, first.policy)) break;
      first = before;
    }
    return { position: first.position, at: first.policy.updatedAt };
  }

  async #version(id: string, version: number): Promise<PolicyVersion | undefined> {
    const kept = await this.policies.version(id, version);
    if (kept) return kept;
    const current = await this.policies.find(id); // put before versions were kept
    return current?.policy.version === version ? current : undefined;
  }

  /** The decision whose hold may have lasted into this one; a new version ends holds, unless it decides the same. */
  async #before(enforcement: Enforcement, policy: Policy): Promise<Enforcement | undefined> {
    const { policyId, target, subject, id } = enforcement;
    const found = await this.store.list({ policyId, ...target, after: id, limit: 20 });
    const before = found.find((it) => JSON.stringify(it.subject) === JSON.stringify(subject));
    if (!before || before.policyVersion === enforcement.policyVersion) return before;
    const other = (await this.#version(policyId, before.policyVersion))?.policy;
    const holdsOn =
      other && !isThreshold(other) && !isThreshold(policy) && decidesAlike(other.document, policy.document);
    return holdsOn ? before : undefined;
  }
}

function notesOf(
  enforcement: Enforcement,
  events: readonly PlacedEvent[],
  { isSame, passedOver, decision }: Derivation,
  oldestRead: PlacedEvent | undefined,
): string[] {
  const notes: string[] = [];
  if (!events.some((event) => comparePositions(event, enforcement.cause) === 0)) {
    notes.push('The event that caused it is not stored: not yet, or retention has dropped it.');
  }
  if (oldestRead) {
    const from = new Date(oldestRead.acceptedAt).toISOString();
    notes.push(`Only the newest ${events.length} events were read, accepted from ${from} on; older ones are left out.`);
  }
  if (passedOver > 0) notes.push(`${passedOver} events came too late to count and are left out.`);
  if (!isSame) notes.push(otherwise(decision));
  return notes;
}

function otherwise(decision: Enforcement | undefined): string {
  if (!decision)
    return 'From the events that are stored the policy does not decide: some that it counted are missing here.';
  return `From the events that are stored the value is ${decision.value} and the threshold ${decision.threshold}.`;
}

function explainedEvent(event: PlacedEvent, { isOperator }: ExplanationScope): ExplainedEvent {
  const { partition, offset, index, id, time, acceptedAt, type, subject, data } = event;
  const place = { partition, offset, index, id, time, acceptedAt };
  return isOperator ? { ...place, type, subject, data } : place;
}

function explainedPolicy({ policy, author, text }: PolicyVersion, { isOperator }: ExplanationScope): ExplainedPolicy {
  const { name, version, updatedAt: at } = policy;
  if (isOperator) return { name, version, at, author, text: text ?? JSON.stringify(contentOf(policy), null, 2) };
  const { owner: _owner, except: _except, tests: _tests, ...own } = contentOf(policy) as Record<string, unknown>;
  return { name, version, at, text: JSON.stringify(own, null, 2) };
}
