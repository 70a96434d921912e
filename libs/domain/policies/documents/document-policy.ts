/** A document as it stands in the log and the policy store. Times are epoch ms. */
import { z } from 'zod';
import { MODES, policyDocumentSchema } from './policy-document.js';

export const documentPolicySchema = z.strictObject({
  id: z.string().min(1),
  version: z.int().min(1),
  createdAt: z.int(),
  updatedAt: z.int(),
  /** Of the document. */
  name: z.string(),
  mode: z.enum(MODES),
  document: policyDocumentSchema,
});
export type DocumentPolicy = z.output<typeof documentPolicySchema>;
