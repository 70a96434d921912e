import { z } from 'zod';
import { invalidInput } from '#runtime/http/http-problem.js';
import * as fields from './fields.js';
import { apiNotFound } from './granted-key.js';
import { keyDocument } from './key-document.js';
import { operation } from './operation.js';
import { decodeCursor, encodeCursor } from './page-cursor.js';

const schema = z.strictObject({
  apiId: fields.id,
  limit: z.int().min(1).max(100).default(100),
  cursor: z.string().max(1024).optional(),
  externalId: fields.externalId.optional(),
  decrypt: z.boolean().optional(), // no key can be decrypted: only its hash is stored
  revalidateKeysCache: z.boolean().optional(), // every read is fresh
});

export const listKeys = operation('apis.listKeys', schema, async (input, { services, demand }) => {
  const { apiId, limit, externalId } = input;
  demand('api', apiId, 'read_key');
  if (!(await services.store.findApi(apiId))) throw apiNotFound();
  const listing = `${apiId}/${externalId ?? ''}`;
  const after = input.cursor ? decodeCursor(input.cursor, listing) : undefined;
  if (input.cursor && after === undefined) {
    throw invalidInput('The cursor is not one that this listing returned.', [
      { location: '/cursor', message: 'unknown cursor', fix: 'start again without a cursor' },
    ]);
  }
  const owner = externalId === undefined ? undefined : await services.store.findIdentity(externalId);
  if (externalId !== undefined && owner?.externalId !== externalId) return { data: [], pagination: { hasMore: false } };
  const views = await services.store.listKeys({ apiId, identityId: owner?.id, limit: limit + 1, after });
  const page = views.slice(0, limit);
  const last = page.at(-1);
  const hasMore = views.length > limit && last !== undefined;
  return {
    data: await Promise.all(page.map((view) => keyDocument(view, services))),
    pagination: hasMore ? { hasMore, cursor: encodeCursor(last.key.id, listing) } : { hasMore },
  };
});
