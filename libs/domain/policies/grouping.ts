/**
 * Where a policy's events are counted. Events are in the partition of their identity, else of their key: what a policy
 * counts per identity or per key, or per one of these and something else, is in one partition. Whatever else it groups by
 * is spread over all of them.
 */
import type { Policy } from './policy.js';
import type { ThresholdPolicy } from './threshold-policy.js';

const IN_PLACE = new Set(['identityId', 'keyId', 'data.identityId', 'data.keyId']);

/** Its events have to be brought together first, where the log has more than one partition. */
export function isRegrouped(policy: Policy): boolean {
  return !fieldsOf(policy).some((field) => IN_PLACE.has(field));
}

export function isThreshold(policy: Policy): policy is ThresholdPolicy {
  return !('document' in policy);
}

/** The same text for policies that count for the same subjects. */
export function groupingOf(policy: Policy): string {
  return fieldsOf(policy).join(',');
}

function fieldsOf(policy: Policy): readonly string[] {
  return isThreshold(policy) ? [policy.groupBy] : policy.document.per;
}
