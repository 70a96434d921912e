/**
 * Versions of policies that wait for a second person. Each step is a row of the audit trail before it is done in the
 * store: after a crash between the two the trail says more than was done, and the step can be taken again.
 */
import { Injectable, Optional } from '@nestjs/common';
import type { Policy } from '#domain/policies/policy.js';
import { needsApproval } from '#domain/policies/policy-approval.js';
import { changeEvent, POLICY_APPROVED, POLICY_PROPOSED, POLICY_REJECTED } from '#domain/policies/policy-change.js';
import { expiresAt, type PolicyProposal, proposalOf } from '#domain/policies/policy-proposal.js';
import type { Approval, Author, PolicyVersion } from '#domain/policies/policy-version.js';
import { Clock } from '#ports/clock.js';
import { PolicyStore } from '#ports/policy-store.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { AuditLog } from '../audit/audit-log.js';
import type { PolicyCheckup } from './policy-check.js';

/** KEYMETER_POLICY_APPROVAL. */
export class ApprovalSettings {
  constructor(readonly isRequired: boolean) {}
}

/** A change that is not in force yet. */
export interface WaitingChange {
  readonly waiting: PolicyProposal;
  /** What it would replace. */
  readonly current?: Policy;
  readonly checkup?: PolicyCheckup;
}

/** Who decides on a proposal, and which one that person has seen. */
export interface Consent {
  readonly digest: string;
  readonly by: Author;
  readonly reason?: string;
}

@Injectable()
export class PolicyApprovals {
  constructor(
    private readonly store: PolicyStore,
    private readonly log: AuditLog,
    private readonly clock: Clock,
    @Optional() private readonly settings: ApprovalSettings = new ApprovalSettings(false),
  ) {}

  isNeeded(next: Policy, current: Policy | undefined): boolean {
    return this.settings.isRequired && needsApproval(next, current);
  }

  /** The same once more is still the proposal of whoever made it first; another one takes its place. */
  async propose(policy: Policy, written: Pick<PolicyVersion, 'author' | 'text' | 'reason'>): Promise<PolicyProposal> {
    const proposal = proposalOf(policy, written, this.clock.now());
    const before = await this.find(policy.id);
    if (before?.digest === proposal.digest) return before;
    await this.#tell(POLICY_PROPOSED, proposal, { at: proposal.proposedAt });
    await this.store.propose(proposal);
    return proposal;
  }

  /** Undefined also where its time is over. */
  async find(policyId: string): Promise<PolicyProposal | undefined> {
    const proposal = await this.store.proposal(policyId);
    return proposal && this.#isAlive(proposal) ? proposal : undefined;
  }

  /** Those whose time is over are forgotten by this. */
  async list(): Promise<PolicyProposal[]> {
    const proposals = await this.store.proposals();
    const over = proposals.filter((proposal) => !this.#isAlive(proposal));
    for (const { policy } of over) await this.store.withdraw(policy.id);
    return proposals.filter((proposal) => this.#isAlive(proposal));
  }

  /** Of policies that are not among these. */
  async ofNewPolicies(policies: readonly Policy[]): Promise<PolicyProposal[]> {
    return (await this.list()).filter(({ policy }) => !policies.some(({ id }) => id === policy.id));
  }

  /** The proposal that `by` has seen and did not make. */
  async ofSecondPerson(policyId: string, consent: Consent): Promise<PolicyProposal> {
    const proposal = await this.#seen(policyId, consent);
    if (proposal.author !== undefined && proposal.author.id !== consent.by.id) return proposal;
    const message = `Policy "${proposal.policy.name}" waits for a second person: who proposed it cannot approve it.`;
    throw new HttpProblem(403, 'policy/second_person', message);
  }

  refuseStale({ policy: { name, version } }: PolicyProposal, current: Policy | undefined): never {
    const by = current === undefined ? 'is gone' : `is at version ${current.version}`;
    const message = `Policy "${name}" ${by} by now, and version ${version} was proposed: look at what changed, then propose it again.`;
    throw new HttpProblem(409, 'policy/proposal_stale', message);
  }

  async recordApproval(proposal: PolicyProposal, { by, reason }: Consent): Promise<Approval> {
    const { digest, proposedAt } = proposal;
    const approval = { by, at: this.clock.now(), proposedAt, digest, reason };
    await this.#tell(POLICY_APPROVED, proposal, { at: approval.at, by, reason });
    return approval;
  }

  async reject(policyId: string, consent: Consent): Promise<void> {
    const proposal = await this.#seen(policyId, consent);
    const { by, reason } = consent;
    await this.#tell(POLICY_REJECTED, proposal, { at: this.clock.now(), by, reason });
    await this.store.withdraw(policyId);
  }

  async #seen(policyId: string, { digest }: Consent): Promise<PolicyProposal> {
    const proposal = await this.find(policyId);
    if (!proposal) noProposal(policyId);
    if (proposal.digest === digest) return proposal;
    const message = `Something else is proposed for policy "${proposal.policy.name}" by now: look at it, then decide.`;
    throw new HttpProblem(409, 'policy/proposal_changed', message);
  }

  #isAlive(proposal: PolicyProposal): boolean {
    return this.clock.now() < expiresAt(proposal);
  }

  async #tell(
    type: string,
    { policy, digest, author, reason, proposedAt }: PolicyProposal,
    step: { readonly at: number; readonly by?: Author; readonly reason?: string },
  ): Promise<void> {
    const { id: policyId, name, version, mode } = policy;
    const proposed = { by: author, at: proposedAt, ...(reason === undefined ? {} : { reason }) };
    const data = { policyId, name, version, mode, digest, proposed, ...step };
    await this.log.append(changeEvent(type, this.log.newRowId(), policyId, step.at, data));
  }
}

export function noProposal(policyId: string): never {
  const message = `Nothing waits for approval for policy ${policyId.slice(0, 64)}.`;
  throw new HttpProblem(404, 'policy/proposal_not_found', message);
}
