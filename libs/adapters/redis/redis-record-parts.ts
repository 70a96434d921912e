/** Where the records of the log of keys lie in the directory. */
import type { RecordKind } from '#domain/keys/directory-record.js';
import type { Part } from './redis-key-layout.js';

export const PART_OF: Readonly<Record<RecordKind, Part>> = {
  api: 'apis',
  identity: 'identities',
  key: 'keys',
  rootKey: 'roots',
  enforcement: 'enforcements',
  meter: 'meters',
  builtInMeter: 'built-in-meters',
  policy: 'policies',
  policyIntent: 'policy-intents',
  enforcementSwitch: 'switches',
  policyVersion: 'policy-versions',
  policyProposal: 'policy-proposals',
  spool: 'spools',
  webhook: 'webhooks',
};

const KIND_OF = new Map(Object.entries(PART_OF).map(([kind, part]) => [part, kind as RecordKind]));

/** Undefined for what follows from the records: hashes, listings. */
export function kindOf(part: Part): RecordKind | undefined {
  return KIND_OF.get(part);
}
