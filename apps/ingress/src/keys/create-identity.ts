import { z } from 'zod';
import { HttpProblem } from '#runtime/http/http-problem.js';
import * as fields from './fields.js';
import { newIdentity, newRateLimits } from './new-ids.js';
import { operation } from './operation.js';

const schema = z.strictObject({
  externalId: fields.externalId,
  meta: fields.meta.optional(),
  ratelimits: fields.rateLimits.default([]),
});

export const createIdentity = operation('identities.createIdentity', schema, async (input, { services, demand }) => {
  demand('identity', '*', 'create_identity');
  const { externalId, meta, ratelimits } = input;
  const identity = { ...newIdentity(externalId, services.clock.now(), meta), ratelimits: newRateLimits(ratelimits) };
  if (!(await services.store.insertIdentity(identity))) {
    throw new HttpProblem(409, 'data/identity_already_exists', 'An identity with this externalId already exists.');
  }
  return { data: { identityId: identity.id } };
});
