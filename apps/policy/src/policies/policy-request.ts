/** What the routes of policies take: a policy as JSON, or a document as the text that somebody wrote. */
import { z } from 'zod';
import { policyDocumentSchema } from '#domain/policies/documents/policy-document.js';
import { faultSentence, readPolicyFile } from '#domain/policies/documents/policy-file.js';
import type { PolicyInput } from '#domain/policies/policy.js';
import { thresholdInputSchema } from '#domain/policies/threshold-policy.js';
import { invalidInput } from '#runtime/http/http-problem.js';

export interface WrittenPolicy {
  readonly policy: PolicyInput;
  /** Of a document that came as YAML. */
  readonly text?: string;
}

/** One document, as `application/yaml`; what is wrong is said with line and column. */
const written = z.string().transform((text, context): WrittenPolicy => {
  const { policies, faults } = readPolicyFile(text);
  for (const fault of faults) context.addIssue({ code: 'custom', message: faultSentence(fault) });
  const [only] = policies;
  if (faults.length === 0 && (only === undefined || policies.length > 1)) {
    context.addIssue({ code: 'custom', message: `holds ${policies.length} policies: send them one by one` });
  }
  return only === undefined || faults.length > 0 ? z.NEVER : { policy: only.document, text };
});

export const policyWriteSchema = z.union([
  policyDocumentSchema.transform((policy): WrittenPolicy => ({ policy })),
  thresholdInputSchema.transform((policy): WrittenPolicy => ({ policy })),
  written,
]);

/** The version that the caller has seen, of `If-Match: "3"`; undefined where any will do. */
export function seenVersion(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch === '*') return undefined;
  const [, digits] = /^(?:W\/)?"(\d{1,9})"$/.exec(ifMatch) ?? [];
  if (digits !== undefined) return Number(digits);
  const message = 'must be the version in quotes, for example "3"';
  throw invalidInput('The header If-Match is no version.', [{ location: 'If-Match', message }]);
}
