import { randomBytes } from 'node:crypto';
import { Injectable, Optional } from '@nestjs/common';
import type { UsageEvent } from '#domain/events/usage-event.js';
import { mintId } from '#domain/keys/key-text.js';
import type { Position } from '#domain/log/position.js';
import type { PolicyDocument } from '#domain/policies/documents/policy-document.js';
import { isThreshold } from '#domain/policies/grouping.js';
import type { Policy, PolicyInput } from '#domain/policies/policy.js';
import { changeEvent, POLICY_DELETED, POLICY_PUT } from '#domain/policies/policy-change.js';
import { isStale } from '#domain/policies/policy-proposal.js';
import type { PolicyVersion } from '#domain/policies/policy-version.js';
import { Clock } from '#ports/clock.js';
import { type PolicyIntent, PolicyStore } from '#ports/policy-store.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { AuditLog } from '../audit/audit-log.js';
import { PolicyGate } from '../backtest/policy-gate.js';
import { OneAtATime } from '../one-at-a-time.js';
import { DocumentRules } from './document-rules.js';
import { type Consent, PolicyApprovals, type WaitingChange } from './policy-approvals.js';
import { PolicyCheck, type PolicyCheckup } from './policy-check.js';

/** Each costs memory and time for every matching event. */
export const MAX_POLICIES = 1_000;

/** A policy as it was saved, and what it costs and meets; without a checkup where nothing was changed. */
export type SavedPolicy = Policy & { readonly checkup?: PolicyCheckup };

/** What is kept of a change besides the policy, and the version that whoever asks for it has seen. */
export interface ChangeOptions extends Pick<PolicyVersion, 'author' | 'text' | 'reason'> {
  readonly seen?: number;
}

/**
 * Changes policies: intended in the store, written to the log, committed in the store; one change at a time. When a
 * call returns, the change is in the log and every replay meets it at the same position; or it waits for a second person.
 */
@Injectable()
export class PolicyEditor {
  readonly #changes = new OneAtATime();

  constructor(
    private readonly store: PolicyStore,
    private readonly log: AuditLog,
    private readonly clock: Clock,
    @Optional() private readonly rules: DocumentRules = new DocumentRules(1),
    @Optional() private readonly check?: PolicyCheck,
    @Optional() private readonly gate: PolicyGate = new PolicyGate(),
    @Optional() private readonly approvals?: PolicyApprovals,
  ) {}

  create(input: PolicyInput, options: ChangeOptions = {}): Promise<SavedPolicy | WaitingChange> {
    return this.#change(async () => {
      const policies = await this.#policies();
      refuseTakenName(policies, input.name);
      const proposed = (await this.approvals?.ofNewPolicies(policies)) ?? [];
      const same = proposed.find(({ policy }) => policy.name === input.name);
      if (policies.length + proposed.length >= MAX_POLICIES + (same ? 1 : 0)) tooMany();
      const now = this.clock.now();
      const id = same?.policy.id ?? mintId('pol', randomBytes(16));
      return this.#put(policyOf(input, { id, version: 1, createdAt: now, updatedAt: now }), options);
    });
  }

  /** A replacement by the same content changes nothing: no new version, running enforcements go on. */
  replace(id: string, input: PolicyInput, options: ChangeOptions = {}): Promise<SavedPolicy | WaitingChange> {
    return this.#change(async () => {
      const policies = await this.#policies();
      const current = policies.find((policy) => policy.id === id) ?? notFound(id);
      await this.#refuseUnseen(current, options);
      refuseTakenName(
        policies.filter((policy) => policy !== current),
        input.name,
      );
      const { version, createdAt, updatedAt } = current;
      if (sameText(policyOf(input, { id, version, createdAt, updatedAt }), current)) return current;
      const next = { id, version: version + 1, createdAt, updatedAt: this.clock.now() };
      return this.#put(policyOf(input, next), options, current);
    });
  }

  /** Changes a document by a function of what it is; where that answers the same, there is no new version. */
  amend(
    id: string,
    change: (policy: PolicyDocument) => PolicyDocument,
    options: ChangeOptions,
  ): Promise<SavedPolicy | WaitingChange> {
    return this.#change(async () => {
      const policy = (await this.#policies()).find((it) => it.id === id) ?? notFound(id);
      await this.#refuseUnseen(policy, options);
      if (isThreshold(policy)) {
        const message = `Policy "${policy.name}" is a threshold policy, which has no exceptions: write it as a document.`;
        throw new HttpProblem(409, 'policy/no_exceptions', message);
      }
      const document = change(policy.document);
      if (document === policy.document) return policy;
      const { version, createdAt } = policy;
      const next = { id, version: version + 1, createdAt, updatedAt: this.clock.now() };
      return this.#put(policyOf(document, next), options, policy);
    });
  }

  remove(id: string, options: ChangeOptions = {}): Promise<void> {
    return this.#change(async () => {
      const policy = (await this.#policies()).find((it) => it.id === id) ?? notFound(id);
      await this.#refuseUnseen(policy, options);
      await this.#carry({ kind: 'delete', policy, rowId: this.log.newRowId() });
    });
  }

  /** Puts in force what was proposed, as it was proposed; throws where it is not that any more, or `by` proposed it. */
  approve(id: string, consent: Consent): Promise<SavedPolicy> {
    return this.#change(async () => {
      const proposal = await this.#approvals.ofSecondPerson(id, consent);
      const policies = await this.#policies();
      const current = policies.find((policy) => policy.id === id);
      if (isStale(proposal, current)) this.#approvals.refuseStale(proposal, current);
      refuseTakenName(
        policies.filter((policy) => policy !== current),
        proposal.policy.name,
      );
      if (current === undefined && policies.length >= MAX_POLICIES) tooMany();
      const now = this.clock.now();
      const policy = { ...proposal.policy, createdAt: current?.createdAt ?? now, updatedAt: now };
      const checkup = await this.#demandSound(policy, current, policies);
      const { author, text, reason } = proposal;
      const approval = await this.#approvals.recordApproval(proposal, consent);
      const written = { author, text, reason, approval };
      await this.#carry({ kind: 'put', policy, rowId: this.log.newRowId(), written });
      return { ...policy, checkup };
    });
  }

  /** Ends a proposal; its author may do so too. */
  reject(id: string, consent: Consent): Promise<void> {
    return this.#change(() => this.#approvals.reject(id, consent));
  }

  /** Writes again what a crash left between log and store. Harmless twice: the engine knows the version. */
  recover(): Promise<void> {
    return this.#change(async () => {});
  }

  #change<T>(task: () => Promise<T>): Promise<T> {
    return this.#changes.run(async () => {
      for (const intent of await this.store.intents()) await this.store.commit(intent, await this.#append(intent));
      return task();
    });
  }

  async #policies(): Promise<Policy[]> {
    return (await this.store.list()).map(({ policy }) => policy);
  }

  /** Two who change one policy do not overwrite each other unseen. */
  async #refuseUnseen({ id, name, version }: Policy, { seen }: ChangeOptions): Promise<void> {
    if (seen === undefined || seen === version) return;
    const by = (await this.store.version(id, version))?.author;
    const whose = by === undefined ? '' : `, by "${by.name}"`;
    const message = `Policy "${name}" is at version ${version} by now${whose}, not ${seen}: look at what changed, then try again.`;
    throw new HttpProblem(409, 'policy/changed', message);
  }

  get #approvals(): PolicyApprovals {
    if (this.approvals) return this.approvals;
    throw new Error('this editor knows no approvals');
  }

  async #put(
    policy: Policy,
    { author, text, reason }: ChangeOptions,
    current?: Policy,
  ): Promise<SavedPolicy | WaitingChange> {
    const checkup = await this.#demandSound(policy, current, await this.#policies());
    const written = { author, text, reason };
    if (this.approvals?.isNeeded(policy, current)) {
      return { waiting: await this.approvals.propose(policy, written), current, checkup };
    }
    await this.#carry({ kind: 'put', policy, rowId: this.log.newRowId(), written });
    return { ...policy, checkup };
  }

  async #demandSound(policy: Policy, current: Policy | undefined, policies: readonly Policy[]) {
    this.rules.demand(policy);
    this.gate.demand(policy, current);
    return this.check?.demand(policy, policies);
  }

  async #carry(intent: PolicyIntent): Promise<void> {
    const position = await this.#write(intent).catch(async (error: unknown) => {
      await this.store.abandon(intent); // not in the log: the caller hears that nothing has changed
      throw error;
    });
    await this.store.commit(intent, position);
  }

  async #write(intent: PolicyIntent): Promise<Position> {
    await this.store.intend(intent); // where it rejects, the intention may stand all the same
    return this.#append(intent);
  }

  async #append(intent: PolicyIntent): Promise<Position> {
    const { partition, offset } = await this.log.append(rowOf(intent, this.clock.now()));
    return { partition, offset };
  }
}

function policyOf(input: PolicyInput, saved: Pick<Policy, 'id' | 'version' | 'createdAt' | 'updatedAt'>): Policy {
  if (!('kind' in input)) return { ...input, ...saved };
  const { name, mode } = input;
  return { ...saved, name, mode, document: input };
}

function rowOf({ kind, policy, rowId }: PolicyIntent, now: number): UsageEvent {
  if (kind === 'put') return changeEvent(POLICY_PUT, rowId, policy.id, now, policy);
  return changeEvent(POLICY_DELETED, rowId, policy.id, now, { id: policy.id, version: policy.version });
}

function refuseTakenName(others: readonly Policy[], name: string): void {
  if (!others.some((policy) => policy.name === name)) return;
  throw new HttpProblem(409, 'policy/name_taken', `There is a policy named "${name}" already: replace it by its id.`);
}

function tooMany(): never {
  throw new HttpProblem(409, 'policy/too_many', `There are ${MAX_POLICIES} policies already: delete one first.`);
}

export function notFound(id: string): never {
  throw new HttpProblem(404, 'policy/not_found', `There is no policy ${id.slice(0, 64)}.`);
}

function sameText(a: Policy, b: Policy): boolean {
  const sorted = (policy: Policy) => JSON.stringify(Object.entries(policy).sort(([x], [y]) => (x < y ? -1 : 1)));
  return sorted(a) === sorted(b);
}
