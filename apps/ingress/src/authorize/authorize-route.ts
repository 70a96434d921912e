import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { RootKeys } from '#runtime/http/root-keys.js';
import { toProblem } from '#runtime/http/to-problem.js';
import type { VerifyCall } from '../verify/key-verifier.js';
import { permissionOf, type Verifying, verifyingRootKey } from '../verify/verify-route.js';
import { authorizedHeaders, reducedCapacity } from './authorize-answer.js';
import { authorizeRequest } from './authorize-request.js';

const PATH = '/api/v1/authorize';
/** Envoy asks by the method of the original request, and puts its path behind ours. */
const METHODS: HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/**
 * For gateways that ask before they pass a request on (`auth_request` of nginx, `forward_auth` of Caddy, `forwardAuth` of
 * Traefik, `ext_authz` of Envoy): a verification whose verdict is the status.
 */
export function registerAuthorizeRoute(fastify: FastifyInstance, rootKeys: RootKeys, verifying: Verifying): void {
  const handler = (request: FastifyRequest, reply: FastifyReply) => {
    const call = callOf(request, rootKeys);
    verifying.verify(call, undefined, (error, answer) => {
      try {
        if (answer === undefined) throw error;
        reply.header('cache-control', 'no-store').headers(authorizedHeaders(answer)).send();
      } catch (refused) {
        reply.send(asProblem(refused));
      }
    });
  };
  const asked = (request: FastifyRequest, reply: FastifyReply) => {
    try {
      handler(request, reply);
    } catch (error) {
      reply.send(asProblem(error));
    }
  };
  for (const url of [PATH, `${PATH}/*`]) fastify.route({ method: METHODS, url, handler: asked });
}

/** Whether the gateway may ask comes first. */
function callOf(request: FastifyRequest, rootKeys: RootKeys): VerifyCall {
  const presented = request.headers['keymeter-root-key'];
  if (typeof presented !== 'string') {
    const detail = 'The gateway must send its root key as "KeyMeter-Root-Key: <root key>".';
    throw new HttpProblem(401, 'authentication/missing', detail);
  }
  const rootKey = verifyingRootKey(rootKeys, `Bearer ${presented}`);
  const asked = authorizeRequest(request);
  return { rootKey, request: asked, permission: permissionOf(asked), requestId: request.id };
}

function asProblem(error: unknown): HttpProblem | unknown {
  const problem = toProblem(error);
  return problem?.status === 503 ? reducedCapacity(problem) : error;
}
