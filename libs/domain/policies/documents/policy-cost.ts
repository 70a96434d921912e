/** What a policy document costs, said before it runs. */
import { DocumentRun } from './document-run.js';
import type { PolicyDocument } from './policy-document.js';
import { draftOf } from './policy-draft.js';

/** A name of a usual length in the table of subjects, and its place there. */
export const NAME_BYTES = 100;

/** Bytes of state for each subject; values of unique counts and percentiles come on top. */
export function bytesPerSubject(document: PolicyDocument): number {
  return new DocumentRun(draftOf(document)).bytesPerSubject + NAME_BYTES;
}
