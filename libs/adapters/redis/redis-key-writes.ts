/** What each write of a key does, step by step; pure, so that an overtaken write is worked out anew. */
import type { IdentityRecord, KeyRecord } from '#domain/keys/key-record.js';
import type { Step } from './redis-key-directory.js';

/** Between the parts of a listing's text; no id contains it. */
const BETWEEN = '\u001f';

/** The range of a listing after a key id, for RANGE. */
export function listingRange(list: readonly string[], after: string): [from: string, to: string] {
  const start = `${list.join(BETWEEN)}${BETWEEN}`;
  return [after === '' ? `[${start}` : `(${start}${after}`, `(${start}\uffff`];
}

export function keyIdOf(listed: string): string {
  return listed.slice(listed.lastIndexOf(BETWEEN) + 1);
}

export function storeSteps(key: KeyRecord): Step[] {
  return [
    ['set', 'keys', key.id, JSON.stringify(key)],
    ['set', 'hashes', key.hash, `${key.id} ${key.identityId ?? ''}`],
    ...listings(key).map((text): Step => ['add', 'listed', text]),
  ];
}

/** Takes back what storeSteps did, but for the record. */
export function unlistSteps(key: KeyRecord): Step[] {
  return [['del', 'hashes', key.hash], ...listings(key).map((text): Step => ['rem', 'listed', text])];
}

/**
 * The id of the identity with the candidate's externalId: the known one as long as it stays that, or the candidate,
 * stored as long as there is none.
 */
export function linkSteps(candidate: IdentityRecord, known: string | undefined): { id: string; steps: Step[] } {
  const { id, externalId } = candidate;
  if (known !== undefined) return { id: known, steps: [['is', 'externals', externalId, known]] };
  return {
    id,
    steps: [
      ['no', 'externals', externalId],
      ['set', 'externals', externalId, id],
      ['set', 'identities', id, JSON.stringify(candidate)],
    ],
  };
}

function listings(key: KeyRecord): string[] {
  const byApi = [key.apiId, key.id].join(BETWEEN);
  return key.identityId === undefined ? [byApi] : [byApi, [key.identityId, key.apiId, key.id].join(BETWEEN)];
}
