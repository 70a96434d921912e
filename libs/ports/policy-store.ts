import type { Position } from '#domain/log/position.js';
import type { Policy } from '#domain/policies/policy.js';
import type { PolicyProposal } from '#domain/policies/policy-proposal.js';
import type { PolicyVersion } from '#domain/policies/policy-version.js';

export interface StoredPolicy {
  readonly policy: Policy;
  /** Where the row of this version stands in the log: from there on it is in force. */
  readonly position: Position;
}

/** A change that is about to be written to the log, with the id of its row. */
/** As `list` and `proposals` order them. */
export function byPolicyName(a: { readonly policy: Policy }, b: { readonly policy: Policy }): number {
  return a.policy.name < b.policy.name ? -1 : 1;
}

export interface PolicyIntent {
  readonly kind: 'put' | 'delete';
  readonly policy: Policy;
  readonly rowId: string;
  /** Of a put: what is kept of the version besides the policy. */
  readonly written?: Pick<PolicyVersion, 'author' | 'text' | 'reason' | 'approval'>;
}

/**
 * Policies for reading; what is in force is decided by the log. A change is intended here, written to the log, then
 * committed here: after a crash in between the intention tells which change has to be written again.
 */
export abstract class PolicyStore {
  /** Durable when it resolves. One intention per policy: a repeat replaces it. */
  abstract intend(intent: PolicyIntent): Promise<void>;

  /**
   * Durable when it resolves: stores or removes the policy and forgets its intention. A repeat changes nothing. The
   * version that is put stays known, also when the policy is replaced or removed; of each policy the newest 100. With it
   * goes the policy's proposal, where the version was approved or the policy is removed.
   */
  abstract commit(intent: PolicyIntent, position: Position): Promise<void>;

  /** Durable when it resolves: the change did not reach the log and never will. A repeat changes nothing. */
  abstract abandon(intent: PolicyIntent): Promise<void>;

  /** Changes that were intended and not committed, by policy id. */
  abstract intents(): Promise<PolicyIntent[]>;

  abstract find(id: string): Promise<StoredPolicy | undefined>;

  /** A version of a policy that is or was; undefined where it is not kept. */
  abstract version(id: string, version: number): Promise<PolicyVersion | undefined>;

  /** All, by name. */
  abstract list(): Promise<StoredPolicy[]>;

  /** Durable when it resolves. One proposal per policy: a later one replaces it. */
  abstract propose(proposal: PolicyProposal): Promise<void>;

  /** Durable when it resolves: the policy has no proposal. A repeat changes nothing. */
  abstract withdraw(policyId: string): Promise<void>;

  abstract proposal(policyId: string): Promise<PolicyProposal | undefined>;

  /** All, by the policy's name, also those whose time is over. */
  abstract proposals(): Promise<PolicyProposal[]>;
}
