import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { RootKeys } from '#runtime/http/root-keys.js';
import { toProblem } from '#runtime/http/to-problem.js';
import type { VerifyCall } from '../verify/key-verifier.js';
import { permissionOf, type Verifying, verifyingRootKey } from '../verify/verify-route.js';
import { authorization, reducedCapacity } from './authorize-answer.js';
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
    const refuse = (error: unknown) => reply.send(asProblem(error));
    try {
      verifying.verify(callOf(request, rootKeys), undefined, (error, answer) => {
        if (answer === undefined) return refuse(error);
        const authorized = authorization(answer);
        if (authorized instanceof HttpProblem) reply.send(authorized);
        else reply.header('cache-control', 'no-store').headers(authorized).send();
      });
    } catch (error) {
      refuse(error);
    }
  };
  for (const url of [PATH, `${PATH}/*`]) fastify.route({ method: METHODS, url, handler });
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

/** What keymeter cannot take now has the draft's type; all else stays what it is. */
function asProblem(error: unknown): unknown {
  const problem = toProblem(error);
  return problem?.status === 503 ? reducedCapacity(problem) : error;
}
