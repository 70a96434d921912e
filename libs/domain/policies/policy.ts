/** A policy of either kind: one threshold, or a document. As the API takes it, and as it stands in log and store. */
import { z } from 'zod';
import { documentPolicySchema } from './documents/document-policy.js';
import { policyDocumentSchema } from './documents/policy-document.js';
import { thresholdInputSchema, thresholdPolicySchema } from './threshold-policy.js';

/** What POST and PUT take: a document says its `kind`. */
export const policyInputSchema = z.union([policyDocumentSchema, thresholdInputSchema]);
export type PolicyInput = z.output<typeof policyInputSchema>;

export const policySchema = z.union([documentPolicySchema, thresholdPolicySchema]);
export type Policy = z.output<typeof policySchema>;
