/**
 * Where a policy's events are counted. Events are in the partition of their identity, else of their key: what a policy
 * counts per identity or per key is in one partition. Whatever else it groups by is spread over all of them.
 */
import type { Policy } from './policy.js';

const IN_PLACE = new Set(['identityId', 'keyId', 'data.identityId', 'data.keyId']);

/** Its events have to be brought together first, where the log has more than one partition. */
export function isRegrouped({ groupBy }: Pick<Policy, 'groupBy'>): boolean {
  return !IN_PLACE.has(groupBy);
}
