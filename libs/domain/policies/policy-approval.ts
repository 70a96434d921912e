/**
 * Which changes of a policy a second person has to approve, where that is asked for: those by which it could act on
 * somebody on whom it does not act now. Off, shadow, one more exception and deletion are milder and need nobody.
 */
import { canonicalJson } from '../audit/canonical-json.js';
import type { Json } from '../json.js';
import type { PolicyException } from './documents/policy-document.js';
import { isThreshold } from './grouping.js';
import type { Policy } from './policy.js';
import { contentOf } from './policy-difference.js';

export function needsApproval(next: Policy, current: Policy | undefined): boolean {
  if (!acts(next)) return false;
  if (current === undefined || !acts(current)) return true;
  // Also fewer percent: such a version ends a brake, and a policy that had paused itself would act again.
  return withoutExceptions(next) !== withoutExceptions(current) || !keepsExceptions(next, current);
}

function acts({ mode }: Policy): boolean {
  return mode === 'on' || mode === 'staged';
}

function withoutExceptions(policy: Policy): string {
  return canonicalJson({ ...(contentOf(policy) as { [name: string]: Json }), except: null });
}

/** Whoever is left alone now stays so, at least as long. */
function keepsExceptions(next: Policy, current: Policy): boolean {
  const kept = exceptionsOf(next);
  return exceptionsOf(current).every((old) => kept.some((it) => covers(it, old)));
}

function exceptionsOf(policy: Policy): readonly PolicyException[] {
  return isThreshold(policy) ? [] : policy.document.except;
}

function covers(kept: PolicyException, old: PolicyException): boolean {
  return kept.value === old.value && kept.when === old.when && endOf(kept) >= endOf(old);
}

function endOf({ until }: PolicyException): number {
  return until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until);
}
