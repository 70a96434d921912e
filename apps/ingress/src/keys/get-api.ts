import { z } from 'zod';
import * as fields from './fields.js';
import { apiNotFound } from './granted-key.js';
import { operation } from './operation.js';

export const getApi = operation('apis.getApi', z.strictObject({ apiId: fields.id }), async ({ apiId }, call) => {
  call.demand('api', apiId, 'read_api');
  const api = await call.services.store.findApi(apiId);
  if (!api) throw apiNotFound();
  return { data: { id: api.id, name: api.name } };
});
