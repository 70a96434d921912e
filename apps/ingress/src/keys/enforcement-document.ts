import type { Enforcement } from '#domain/policies/enforcement.js';
import { refusalSentence } from '#domain/policies/enforcement-sentence.js';

/** keymeter's addition to the key protocol: why a key is held back, and until when. */
export interface EnforcementDocument {
  readonly id: string;
  readonly policyId: string;
  readonly action: string;
  readonly reason: string;
  readonly until: number | null;
}

export function enforcementDocument(enforcement: Enforcement): EnforcementDocument {
  const { id, policyId, action, until } = enforcement;
  return { id, policyId, action: action.type, reason: refusalSentence(enforcement), until };
}
