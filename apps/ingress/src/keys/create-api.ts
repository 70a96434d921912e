import { z } from 'zod';
import { newId } from './new-ids.js';
import { operation } from './operation.js';

const schema = z.strictObject({ name: z.string().min(3).max(256) });

export const createApi = operation('apis.createApi', schema, async ({ name }, { services, demand }) => {
  demand('api', '*', 'create_api');
  const api = { id: newId('api'), name, createdAt: services.clock.now() };
  await services.store.putApi(api);
  return { data: { apiId: api.id } };
});
