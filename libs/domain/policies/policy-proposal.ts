/** A version of a policy that waits until somebody other than its author approves it. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../audit/canonical-json.js';
import type { Policy } from './policy.js';
import { contentOf } from './policy-difference.js';
import type { PolicyVersion } from './policy-version.js';

/** Nobody remembers for longer what was discussed. */
export const PROPOSAL_LIFE_MS = 7 * 86_400_000;

export interface PolicyProposal extends Pick<PolicyVersion, 'author' | 'text' | 'reason'> {
  /** As it would be put: with the version after the one that its author has seen, 1 for a new policy. */
  readonly policy: Policy;
  /** SHA-256 over all that comes in force; who approves names it. */
  readonly digest: string;
  /** Epoch ms. */
  readonly proposedAt: number;
}

export function proposalOf(
  policy: Policy,
  { author, text, reason }: Pick<PolicyVersion, 'author' | 'text' | 'reason'>,
  proposedAt: number,
): PolicyProposal {
  return { policy, digest: proposalDigest(policy, text), author, text, reason, proposedAt };
}

/** The same for the same content on the same version, whoever proposes it and when. */
export function proposalDigest(policy: Policy, text: string | undefined): string {
  const { id, version } = policy;
  const proposed = canonicalJson([id, version, contentOf(policy), text ?? null]);
  return createHash('sha256').update(proposed).digest('hex');
}

export function expiresAt({ proposedAt }: PolicyProposal): number {
  return proposedAt + PROPOSAL_LIFE_MS;
}

/** Another version came in force meanwhile, or the policy is gone: what was shown is not what would happen. */
export function isStale({ policy }: PolicyProposal, current: Policy | undefined): boolean {
  return policy.version !== (current?.version ?? 0) + 1;
}
