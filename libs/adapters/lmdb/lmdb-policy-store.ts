import type { Database, RootDatabase } from 'lmdb';
import type { Position } from '#domain/log/position.js';
import { type PolicyIntent, PolicyStore, type StoredPolicy } from '#ports/policy-store.js';
import { commit } from './commit.js';

/** Of the main thread only. */
export class LmdbPolicyStore extends PolicyStore {
  readonly #policies: Database<StoredPolicy, string>;
  readonly #intents: Database<PolicyIntent, string>;

  constructor(private readonly root: RootDatabase) {
    super();
    this.#policies = root.openDB<StoredPolicy, string>({ name: 'policies', encoding: 'json' });
    this.#intents = root.openDB<PolicyIntent, string>({ name: 'policy_intents', encoding: 'json' });
  }

  async intend(intent: PolicyIntent): Promise<void> {
    await commit(this.root, () => this.#intents.put(intent.policy.id, intent));
  }

  async commit({ kind, policy }: PolicyIntent, position: Position): Promise<void> {
    await commit(this.root, () => {
      if (kind === 'put') this.#policies.put(policy.id, { policy, position });
      else this.#policies.remove(policy.id);
      this.#intents.remove(policy.id);
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

  async list(): Promise<StoredPolicy[]> {
    const all = [...this.#policies.getRange()].map(({ value }) => value);
    return all.sort((a, b) => (a.policy.name < b.policy.name ? -1 : 1));
  }
}
