import type { Enforcement } from '#domain/policies/enforcement.js';

/** keymeter's addition to the key protocol: why a key is held back, and until when. */
export interface EnforcementDocument {
  readonly id: string;
  readonly policyId: string;
  readonly action: string;
  readonly reason: string;
  readonly until: number | null;
}

export function enforcementDocument(enforcement: Enforcement): EnforcementDocument {
  const { id, policyId, policyName, action, value, threshold, window, until } = enforcement;
  const span = `${new Date(window.start).toISOString()} to ${new Date(window.end).toISOString()}`;
  const reason = `Policy "${policyName}": ${value} exceeded the threshold of ${threshold} (${window.kind} window, ${span}).`;
  return { id, policyId, action: action.type, reason, until };
}
