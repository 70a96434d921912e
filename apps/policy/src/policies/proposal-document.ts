/** A proposal as it is shown: what it would change of the version in force, which is what comes in force. */
import type { Policy } from '#domain/policies/policy.js';
import { type FieldChange, policyDifference } from '#domain/policies/policy-difference.js';
import { expiresAt, isStale, type PolicyProposal } from '#domain/policies/policy-proposal.js';
import type { PolicyVersion } from '#domain/policies/policy-version.js';
import type { WaitingChange } from './policy-approvals.js';
import type { PolicyCheckup } from './policy-check.js';
import type { SavedPolicy } from './policy-editor.js';

export interface ProposalDocument extends Pick<PolicyVersion, 'author' | 'reason' | 'text'> {
  /** `stale`: the policy has changed since, so it cannot be approved any more. */
  readonly status: 'waiting' | 'stale';
  readonly policyId: string;
  readonly name: string;
  readonly mode: Policy['mode'];
  /** That it would have. */
  readonly version: number;
  readonly digest: string;
  /** Epoch ms. */
  readonly proposedAt: number;
  readonly expiresAt: number;
  /** Beside the version in force; of a new policy every field. */
  readonly changes: readonly FieldChange[];
  readonly checkup?: PolicyCheckup;
}

export function proposalDocument(proposal: PolicyProposal, current: Policy | undefined): ProposalDocument {
  const { policy, digest, author, reason, text, proposedAt } = proposal;
  const { id: policyId, name, mode, version } = policy;
  return {
    status: isStale(proposal, current) ? 'stale' : 'waiting',
    policyId,
    name,
    mode,
    version,
    digest,
    author,
    reason,
    text,
    proposedAt,
    expiresAt: expiresAt(proposal),
    changes: policyDifference(current ?? {}, policy),
  };
}

export function isWaiting(outcome: SavedPolicy | WaitingChange): outcome is WaitingChange {
  return 'waiting' in outcome;
}

interface Reply {
  status(code: number): unknown;
}

/** 202 where a second person is waited for. */
export function changeAnswer(outcome: SavedPolicy | WaitingChange, reply: Reply): SavedPolicy | ProposalDocument {
  return isWaiting(outcome) ? waitingAnswer(outcome, reply) : outcome;
}

export function waitingAnswer({ waiting, current, checkup }: WaitingChange, reply: Reply): ProposalDocument {
  reply.status(202);
  return { ...proposalDocument(waiting, current), checkup };
}
