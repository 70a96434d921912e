import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { PermissionTest } from '#domain/keys/permission-query.js';
import { parsePermissionQuery } from '#domain/keys/permission-query.js';
import { isGrantedForSome, missingRight } from '#domain/keys/rights.js';
import { MAX_KEY_CHARS, type VerifyRequest, verifyRequestSchema } from '#domain/keys/verify-request.js';
import { HttpProblem, invalidInput } from '#runtime/http/http-problem.js';
import { insufficientRights } from '#runtime/http/root-key.guard.js';
import { RootKeys } from '#runtime/http/root-keys.js';
import { fieldErrors } from '#runtime/http/schema-pipe.js';
import { refuseQuery } from '../keys/operation.js';
import type { VerifyCall } from './key-verifier.js';
import type { Answered } from './verify-service.js';

const PATH = '/v2/keys.verifyKey';

export interface Verifying {
  verify(call: VerifyCall, idempotencyKey: string | undefined, answered: Answered): void;
}

/** The hot route, straight on Fastify: no promise, no interceptor, one callback when the event is durable. */
export function registerVerifyRoute(fastify: FastifyInstance, rootKeys: RootKeys, verifying: Verifying): void {
  fastify.post(PATH, (request, reply) => {
    verifying.verify(callOf(request, rootKeys), idempotencyKey(request), (error, answer) => {
      if (answer === undefined) reply.send(error);
      else send(reply, answer.body, answer.headers);
    });
  });
}

function callOf(request: FastifyRequest, rootKeys: RootKeys): VerifyCall {
  const rootKey = verifyingRootKey(rootKeys, request.headers.authorization);
  refuseQuery(request);
  const parsed = requestOf(request.body);
  return { rootKey, request: parsed, permission: permissionOf(parsed), requestId: request.id };
}

/** Throws 401 or 403 for who may not ask. */
export function verifyingRootKey(rootKeys: RootKeys, header: string | undefined): VerifyCall['rootKey'] {
  const rootKey = rootKeys.authenticateLastKnown(header);
  if (isGrantedForSome(rootKey.rights, 'api', 'verify_key')) return rootKey;
  throw insufficientRights(missingRight('api', '*', 'verify_key'));
}

function send(reply: FastifyReply, body: string, headers: Readonly<Record<string, string>> | undefined): void {
  reply.header('content-type', 'application/json; charset=utf-8').header('cache-control', 'no-store');
  if (headers) reply.headers(headers);
  reply.send(body);
}

/** Most calls are `{"key": …}` and nothing else: they need no schema. */
function requestOf(body: unknown): VerifyRequest {
  if (isKeyOnly(body)) return body;
  const parsed = verifyRequestSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw invalidInput(`POST request body for '${PATH}' failed to validate schema`, fieldErrors(parsed.error.issues));
}

function isKeyOnly(body: unknown): body is { key: string } {
  if (body === null || typeof body !== 'object' || !('key' in body) || typeof body.key !== 'string') return false;
  for (const name in body) if (name !== 'key') return false;
  return body.key.length > 0 && body.key.length <= MAX_KEY_CHARS;
}

/** Throws 400 for a query that cannot be read. */
export function permissionOf({ permissions }: VerifyRequest): PermissionTest | undefined {
  if (permissions === undefined) return undefined;
  const parsed = parsePermissionQuery(permissions);
  if (parsed.ok) return parsed.test;
  const { position, message } = parsed;
  const detail = `The permission query is wrong at position ${position}: ${message}.`;
  const errors = [{ location: '/permissions', message: `position ${position}: ${message}` }];
  throw new HttpProblem(400, 'user/bad_request/permissions_query_syntax_error', detail, { errors });
}

function idempotencyKey(request: FastifyRequest): string | undefined {
  const header = request.headers['idempotency-key'];
  return Array.isArray(header) ? header[0] : header;
}
