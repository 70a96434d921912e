/** The policy that a backtest runs: as it would stand in the store, and as if it were switched on. */
import { createHash } from 'node:crypto';
import { contentId } from '../documents/document-decision.js';
import { isThreshold } from '../grouping.js';
import type { Policy, PolicyInput } from '../policy.js';

/** Of a policy that no store has: its id is drawn when it is created, so ids of decisions are its own. */
export const DRAFT_ID = 'pol_draft';

/**
 * With the id and the version that it would have if it were put in force now: those of `current`, one version on where it
 * differs. So decisions have the ids that live gives them.
 */
export function candidateOf(input: PolicyInput, current: Policy | undefined, now: number): Policy {
  const saved = { id: current?.id ?? DRAFT_ID, version: 1, createdAt: now, updatedAt: now };
  const draft: Policy =
    'kind' in input ? { ...saved, name: input.name, mode: input.mode, document: input } : { ...input, ...saved };
  if (current === undefined) return draft;
  const version = policyContentId(draft) === policyContentId(current) ? current.version : current.version + 1;
  return { ...draft, version };
}

/** What it would do if it acted, whatever its mode is now. Ids of decisions do not depend on the mode. */
export function switchedOn(policy: Policy): Policy {
  if (isThreshold(policy)) return { ...policy, mode: 'on' };
  const { percent: _percent, ...document } = policy.document;
  return { ...policy, mode: 'on', document: { ...document, mode: 'on' } };
}

/** The same for policies that decide the same: mode, names and texts for people are left out. */
export function policyContentId(policy: Policy): string {
  if (!isThreshold(policy)) return contentId(policy.document);
  const { match, groupBy, aggregate, field, window, threshold, action, appliesToLate } = policy;
  const text = JSON.stringify([match, groupBy, aggregate, field, window, threshold, action, appliesToLate]);
  return createHash('sha256').update(text).digest('hex');
}
