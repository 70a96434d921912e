import { hash } from 'node:crypto';
import { z } from 'zod';
import { operation } from './operation.js';

const schema = z.strictObject({
  namespace: z.string().min(1).max(255),
  identifier: z.string().min(1).max(255),
  limit: z.int().min(1).max(1_000_000_000_000),
  duration: z.int().min(1000).max(2_592_000_000),
  cost: z.int().min(0).max(1_000_000_000_000).default(1),
});

export const limit = operation('ratelimit.limit', schema, async (input, { services, requestId, demand }) => {
  const { namespace, identifier, duration, cost } = input;
  demand('ratelimit', '*', 'limit');
  const counted = hash('sha256', JSON.stringify([namespace, identifier]), 'base64url').slice(0, 32);
  const window = { id: `ns:${counted}:${duration}`, limit: input.limit, duration, cost };
  const { passed, windows } = await services.take(
    { windows: [window] },
    {
      id: requestId,
      type: 'keymeter.ratelimit',
      subject: identifier,
      data: ({ passed: success }) => ({ namespace, outcome: success ? 'PASSED' : 'RATE_LIMITED', cost }),
    },
  );
  const { remaining = 0, reset = 0 } = windows[0] ?? {};
  return { data: { limit: input.limit, remaining, reset, success: passed } };
});
