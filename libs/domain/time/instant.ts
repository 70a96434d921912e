/** RFC 3339 date-times as epoch ms. */
import { z } from 'zod';
import { parseRfc3339 } from '../events/rfc3339.js';

export const instant = z.string().transform((text, context) => {
  const ms = parseRfc3339(text);
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: 'must be an RFC 3339 date-time such as 2026-01-31T00:00:00Z' });
  return z.NEVER;
});

/** UTC to the second, as the metering protocol shows time. */
export function formatSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
