import type {
  PolicyIntentRecord,
  PolicyProposalRecord,
  PolicyRecord,
  PolicyVersionRecord,
} from '#domain/keys/directory-record.js';
import type { Position } from '#domain/log/position.js';
import type { PolicyProposal } from '#domain/policies/policy-proposal.js';
import { KEPT_VERSIONS, type PolicyVersion } from '#domain/policies/policy-version.js';
import { byPolicyName, type PolicyIntent, PolicyStore, type StoredPolicy } from '#ports/policy-store.js';
import type { RedisKeyDirectory, Step } from './redis-key-directory.js';
import type { RedisKeyWriter } from './redis-key-writer.js';

/** Policies in the directory: policy and intention change together, and the log of keys brings them back. */
export class RedisPolicyStore extends PolicyStore {
  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly writer: RedisKeyWriter,
  ) {
    super();
  }

  async intend(intent: PolicyIntent): Promise<void> {
    const { id } = intent.policy;
    const record: PolicyIntentRecord = { id, ...intent };
    await this.writer.write([['set', 'policy-intents', id, JSON.stringify(record)]]);
  }

  async commit({ kind, policy, written }: PolicyIntent, position: Position): Promise<void> {
    const { id, version } = policy;
    const record: PolicyRecord = { id, policy, position };
    const kept: PolicyVersionRecord = { id: versionId(id, version), policy, position, ...written };
    const put: Step[] = [
      ['set', 'policies', id, JSON.stringify(record)],
      ['set', 'policy-versions', kept.id, JSON.stringify(kept)],
      ['del', 'policy-versions', versionId(id, version - KEPT_VERSIONS)],
    ];
    const steps: Step[] = kind === 'put' ? put : [['del', 'policies', id]];
    const over: Step[] = kind === 'delete' || written?.approval ? [['del', 'policy-proposals', id]] : [];
    await this.writer.write([...steps, ...over, ['del', 'policy-intents', id]]);
  }

  async abandon({ policy }: PolicyIntent): Promise<void> {
    await this.writer.write([['del', 'policy-intents', policy.id]]);
  }

  async intents(): Promise<PolicyIntent[]> {
    const texts = await this.directory.values('policy-intents');
    const records = texts.map((text) => JSON.parse(text) as PolicyIntentRecord);
    return records.sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ id: _id, ...intent }) => intent);
  }

  async find(id: string): Promise<StoredPolicy | undefined> {
    const record = await this.directory.find<PolicyRecord>('policies', id);
    return record && storedPolicy(record);
  }

  async version(id: string, version: number): Promise<PolicyVersion | undefined> {
    const record = await this.directory.find<PolicyVersionRecord>('policy-versions', versionId(id, version));
    if (!record) return undefined;
    const { id: _id, ...kept } = record;
    return kept;
  }

  async list(): Promise<StoredPolicy[]> {
    const texts = await this.directory.values('policies');
    const all = texts.map((text) => storedPolicy(JSON.parse(text) as PolicyRecord));
    return all.sort(byPolicyName);
  }

  async propose(proposal: PolicyProposal): Promise<void> {
    const { id } = proposal.policy;
    const record: PolicyProposalRecord = { id, ...proposal };
    await this.writer.write([['set', 'policy-proposals', id, JSON.stringify(record)]]);
  }

  async withdraw(policyId: string): Promise<void> {
    await this.writer.write([['del', 'policy-proposals', policyId]]);
  }

  async proposal(policyId: string): Promise<PolicyProposal | undefined> {
    const record = await this.directory.find<PolicyProposalRecord>('policy-proposals', policyId);
    return record && storedProposal(record);
  }

  async proposals(): Promise<PolicyProposal[]> {
    const texts = await this.directory.values('policy-proposals');
    const all = texts.map((text) => storedProposal(JSON.parse(text) as PolicyProposalRecord));
    return all.sort(byPolicyName);
  }
}

function storedProposal({ id: _id, ...proposal }: PolicyProposalRecord): PolicyProposal {
  return proposal;
}

function versionId(id: string, version: number): string {
  return `${id}/${version}`;
}

function storedPolicy({ policy, position }: PolicyRecord): StoredPolicy {
  return { policy, position };
}
