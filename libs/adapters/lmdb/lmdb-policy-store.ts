import type { Database, RootDatabase } from 'lmdb';
import type { Position } from '#domain/log/position.js';
import type { PolicyProposal } from '#domain/policies/policy-proposal.js';
import { KEPT_VERSIONS, type PolicyVersion } from '#domain/policies/policy-version.js';
import { byPolicyName, type PolicyIntent, PolicyStore, type StoredPolicy } from '#ports/policy-store.js';
import { commit } from './commit.js';

/** Of the main thread only. */
export class LmdbPolicyStore extends PolicyStore {
  readonly #policies: Database<StoredPolicy, string>;
  readonly #intents: Database<PolicyIntent, string>;
  readonly #versions: Database<PolicyVersion, [string, number]>;
  readonly #proposals: Database<PolicyProposal, string>;

  constructor(private readonly root: RootDatabase) {
    super();
    this.#policies = root.openDB<StoredPolicy, string>({ name: 'policies', encoding: 'json' });
    this.#intents = root.openDB<PolicyIntent, string>({ name: 'policy_intents', encoding: 'json' });
    this.#proposals = root.openDB<PolicyProposal, string>({ name: 'policy_proposals', encoding: 'json' });
    this.#versions = root.openDB<PolicyVersion, [string, number]>({ name: 'policy_versions', encoding: 'json' });
  }

  async intend(intent: PolicyIntent): Promise<void> {
    await commit(this.root, () => this.#intents.put(intent.policy.id, intent));
  }

  async commit({ kind, policy, written }: PolicyIntent, position: Position): Promise<void> {
    const { id, version } = policy;
    await commit(this.root, () => {
      this.#intents.remove(id);
      if (kind === 'delete' || written?.approval) this.#proposals.remove(id);
      if (kind === 'delete') {
        this.#policies.remove(id);
        return;
      }
      this.#policies.put(id, { policy, position });
      this.#versions.put([id, version], { policy, position, ...written });
      this.#versions.remove([id, version - KEPT_VERSIONS]);
    });
  }

  async abandon({ policy }: PolicyIntent): Promise<void> {
    await commit(this.root, () => this.#intents.remove(policy.id));
  }

  async intents(): Promise<PolicyIntent[]> {
    return [...this.#intents.getRange()].map(({ value }) => value);
  }

  async find(id: string): Promise<StoredPolicy | undefined> {
    return this.#policies.get(id);
  }

  async version(id: string, version: number): Promise<PolicyVersion | undefined> {
    return this.#versions.get([id, version]);
  }

  async list(): Promise<StoredPolicy[]> {
    const all = [...this.#policies.getRange()].map(({ value }) => value);
    return all.sort(byPolicyName);
  }

  async propose(proposal: PolicyProposal): Promise<void> {
    await commit(this.root, () => this.#proposals.put(proposal.policy.id, proposal));
  }

  async withdraw(policyId: string): Promise<void> {
    await commit(this.root, () => this.#proposals.remove(policyId));
  }

  async proposal(policyId: string): Promise<PolicyProposal | undefined> {
    return this.#proposals.get(policyId);
  }

  async proposals(): Promise<PolicyProposal[]> {
    const all = [...this.#proposals.getRange()].map(({ value }) => value);
    return all.sort(byPolicyName);
  }
}
