import type { DocumentPolicy } from './document-policy.js';
import type { PolicyDocument } from './policy-document.js';

/** A document that no store has yet, as a policy. */
export function draftOf(document: PolicyDocument): DocumentPolicy {
  const { name, mode } = document;
  return { id: 'pol_draft', version: 1, createdAt: 0, updatedAt: 0, name, mode, document };
}
