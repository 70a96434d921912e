import { z } from 'zod';
import { parseRfc3339 } from '#domain/events/rfc3339.js';
import type { PartitionHead } from '#stream/audit-verification.js';

const MAX_HEADS = 1_000;
const HEAD = /^(\d{1,5}):(\d{1,15}):([0-9a-f]{64})$/;

/** Query parameters of GET /api/v1/audit/verification. */
export const auditQuerySchema = z.object({
  /** RFC 3339. */
  from: z
    .string()
    .refine((text) => parseRfc3339(text) !== undefined, { error: 'must be a time as in 2026-01-31T12:00:00Z' })
    .optional(),
  /** `partition:sequence:link`, as GET /api/v1/audit/head gave them, with commas between. */
  heads: z
    .string()
    .refine((text) => parseHeads(text) !== undefined, { error: 'must be partition:sequence:link, commas between' })
    .optional(),
});

export type AuditQuery = z.output<typeof auditQuerySchema>;

export function parseHeads(text: string): PartitionHead[] | undefined {
  const parts = text.split(',');
  if (parts.length > MAX_HEADS) return undefined;
  const heads = parts.map((part) => {
    const [, partition, sequence, link = ''] = HEAD.exec(part) ?? [];
    return { partition: Number(partition), sequence: Number(sequence), link };
  });
  return heads.every(({ partition }) => !Number.isNaN(partition)) ? heads : undefined;
}
