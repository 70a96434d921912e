import { z } from 'zod';
import type { CreditAccount } from '#domain/keys/credits.js';
import { HttpProblem, invalidInput } from '#runtime/http/http-problem.js';
import * as fields from './fields.js';
import { grantedKey, keyNotFound } from './granted-key.js';
import { creditsDocument } from './key-document.js';
import { newAccount } from './new-ids.js';
import { type OperationCall, operation } from './operation.js';

const schema = z
  .strictObject({
    keyId: fields.id,
    operation: z.enum(['set', 'increment', 'decrement']),
    value: fields.credits.nullable().optional(),
  })
  .refine((it) => it.operation === 'set' || typeof it.value === 'number', {
    path: ['value'],
    message: 'required when incrementing or decrementing',
  });

type UpdateCredits = z.infer<typeof schema>;

export const updateCredits = operation('keys.updateCredits', schema, async (input, call) => {
  const { key } = await grantedKey(call, input.keyId, 'update_key');
  if (input.operation === 'set') return { data: await set(input, call) };
  if (!key.credits) {
    throw invalidInput('The key has unlimited credits: set a number first.', [
      { location: '/operation', message: `cannot ${input.operation} unlimited credits` },
    ]);
  }
  return { data: await change(input, key.credits, call) };
});

/** A set balance is a new account: what is being spent from the old one meanwhile cannot touch it. */
async function set({ keyId, value }: UpdateCredits, { services, requestId }: OperationCall): Promise<object> {
  const now = services.clock.now();
  const changed = await services.store.changeKey(keyId, {
    apply: (current) => {
      const credits = value == null ? undefined : newAccount(value, now, current.credits?.refill);
      return { ...current, credits, updatedAt: now };
    },
  });
  if (!changed) throw keyNotFound();
  const remaining = value ?? null;
  await services.take(
    { windows: [] },
    {
      id: requestId,
      type: 'keymeter.credits',
      subject: keyId,
      data: () => ({ keyId, operation: 'set', value: remaining, remaining }),
    },
  );
  return changed.credits ? creditsDocument(changed.credits, value ?? 0) : { remaining: null };
}

async function change(input: UpdateCredits, account: CreditAccount, call: OperationCall): Promise<object> {
  const { keyId, operation: name } = input;
  const value = input.value ?? 0;
  const { services, requestId } = call;
  const balance = await services.counters.balance(account, services.clock.now());
  if (name === 'increment' && !Number.isSafeInteger(balance + value)) {
    throw new HttpProblem(400, 'application/invalid_input', 'The balance would grow beyond 2^53 - 1.', {
      errors: [{ location: '/value', message: 'too large for this balance' }],
    });
  }
  const take = { account, cost: name === 'increment' ? -value : value, upToAll: true };
  const outcome = await services.take(
    { windows: [], credits: take },
    {
      id: requestId,
      type: 'keymeter.credits',
      subject: keyId,
      data: ({ credits: remaining = 0, charge }) => ({
        keyId,
        operation: name,
        value,
        taken: charge?.c?.[1] ?? 0, // less than the value where there was not so much
        remaining,
      }),
    },
  );
  return creditsDocument(account, outcome.credits ?? 0);
}
