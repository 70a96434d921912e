/** What a gateway asks about a request that it holds back: the caller's key, and what the event shall say of the request. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  MAX_COST,
  MAX_KEY_CHARS,
  MAX_TAG_CHARS,
  type VerifyRequest,
  verifyRequestSchema,
} from '#domain/keys/verify-request.js';
import { HttpProblem, invalidInput } from '#runtime/http/http-problem.js';
import { bearerOf } from '#runtime/http/root-keys.js';
import { fieldErrors } from '#runtime/http/schema-pipe.js';

/** Of the gateway's own address for this: `?permissions=documents.read&cost=2`. */
export const authorizeQuerySchema = z.strictObject({
  permissions: verifyRequestSchema.shape.permissions,
  cost: z.coerce.number().int().min(0).max(MAX_COST).optional(),
});

/** Throws 401 without a key and 400 for a wrong query, which is the gateway's mistake. */
export function authorizeRequest({ headers, query }: FastifyRequest): VerifyRequest {
  const parsed = authorizeQuerySchema.safeParse(query);
  if (!parsed.success) throw invalidInput('The query of the authorization is wrong.', fieldErrors(parsed.error.issues));
  const { permissions, cost } = parsed.data;
  return {
    key: presentedKey(headers),
    tags: tagsOf(headers),
    ...(permissions === undefined ? {} : { permissions }),
    ...(cost === undefined ? {} : { credits: { cost } }),
  };
}

type Headers = FastifyRequest['headers'];

function presentedKey(headers: Headers): string {
  const plain = single(headers, 'x-api-key');
  const key = plain ?? bearerOf(headers.authorization, 'key');
  if (key.length > 0 && key.length <= MAX_KEY_CHARS) return key;
  throw new HttpProblem(400, 'authentication/malformed', `A key has 1 to ${MAX_KEY_CHARS} characters.`);
}

/** The query of the original request stays out of the event: it may hold secrets. */
function tagsOf(headers: Headers): string[] {
  const address = single(headers, 'x-forwarded-for')?.split(',').at(-1)?.trim(); // the one that the gateway itself saw
  const method = single(headers, 'x-forwarded-method') ?? single(headers, 'x-original-method');
  const uri =
    single(headers, 'x-forwarded-uri') ?? single(headers, 'x-original-uri') ?? single(headers, 'x-original-url');
  const tags = { ip: address, method, path: uri && pathOf(uri) };
  return Object.entries(tags).flatMap(([name, value]) => (value ? [`${name}=${value}`.slice(0, MAX_TAG_CHARS)] : []));
}

/** nginx and Traefik send a path, others a whole address. */
function pathOf(uri: string): string {
  return uri.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '') || '/';
}

function single(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.at(-1) : value;
}
