/** The records of the cluster's directory, as they are told to the log of keys, and from it to a rebuild. */
import type { Position } from '../log/position.js';
import type { Meter } from '../meters/meter.js';
import type { Enforcement } from '../policies/enforcement.js';
import type { Policy } from '../policies/policy.js';
import type { PolicyProposal } from '../policies/policy-proposal.js';
import type { PolicyVersion } from '../policies/policy-version.js';
import type { WebhookEndpoint } from '../webhooks/webhook-endpoint.js';
import type { ApiRecord, IdentityRecord, KeyRecord, RootKeyRecord } from './key-record.js';

export interface PolicyRecord {
  readonly id: string;
  readonly policy: Policy;
  readonly position: Position;
}

/** A change of a policy that is on its way into the log of events. */
export interface PolicyIntentRecord {
  readonly id: string;
  readonly kind: 'put' | 'delete';
  readonly policy: Policy;
  readonly rowId: string;
  readonly written?: Pick<PolicyVersion, 'author' | 'text' | 'reason' | 'approval'>;
}

/** `<policy id>/<version>` */
export interface PolicyVersionRecord extends PolicyVersion {
  readonly id: string;
}

/** A version that waits for a second person; one of each policy, under its id. */
export interface PolicyProposalRecord extends PolicyProposal {
  readonly id: string;
}

/** A slug under which a meter was built in once: it is not built in again. */
export interface BuiltInRecord {
  readonly id: string;
  readonly meterId: string;
}

/** Whether all enforcement is paused. */
export interface EnforcementSwitchRecord {
  readonly isPaused: boolean;
  /** Epoch ms. */
  readonly at: number;
  /** The root key. */
  readonly by: string;
  readonly reason: string;
  /** Of the row that tells of it. */
  readonly rowId: string;
  /** The row is known to be in the log. */
  readonly isRecorded: boolean;
}

/** A node whose spool may hold events that are not in the log of events yet. */
export interface SpoolRecord {
  /** Of the node. */
  readonly id: string;
  /** Epoch ms. */
  readonly openedAt: number;
}

export interface RecordOf {
  readonly api: ApiRecord;
  readonly identity: IdentityRecord;
  readonly key: KeyRecord;
  readonly rootKey: RootKeyRecord;
  readonly enforcement: Enforcement;
  readonly meter: Meter;
  readonly builtInMeter: BuiltInRecord;
  readonly policy: PolicyRecord;
  readonly policyIntent: PolicyIntentRecord;
  readonly policyVersion: PolicyVersionRecord;
  readonly policyProposal: PolicyProposalRecord;
  readonly enforcementSwitch: EnforcementSwitchRecord;
  readonly spool: SpoolRecord;
  readonly webhook: WebhookEndpoint;
}

export type RecordKind = keyof RecordOf;

export const RECORD_KINDS = [
  'api',
  'identity',
  'key',
  'rootKey',
  'enforcement',
  'meter',
  'builtInMeter',
  'policy',
  'policyIntent',
  'policyVersion',
  'policyProposal',
  'enforcementSwitch',
  'spool',
  'webhook',
] as const satisfies RecordKind[];

/** The state of one record, or that it is gone; of several about one record the last one stands. */
export type DirectoryRecord = {
  [Kind in RecordKind]: { readonly kind: Kind; readonly id: string; readonly record: RecordOf[Kind] | null };
}[RecordKind];

/** `document` is JSON that was stored as such a record; undefined when there is none. */
export function directoryRecord(kind: RecordKind, id: string, document: string | undefined): DirectoryRecord {
  return { kind, id, record: document === undefined ? null : JSON.parse(document) } as DirectoryRecord;
}
