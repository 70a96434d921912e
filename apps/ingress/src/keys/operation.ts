import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { RootKeyRecord } from '#domain/keys/key-record.js';
import type { Confirmation, Told } from '#ports/key-store.js';
import { invalidInput } from '#runtime/http/http-problem.js';
import { demandRight } from '#runtime/http/root-key.guard.js';
import { RootKeys } from '#runtime/http/root-keys.js';
import { fieldErrors } from '#runtime/http/schema-pipe.js';
import { KeyServices } from './key-services.js';

/** One call of an operation: who calls, and what the operation may use. */
export interface OperationCall {
  readonly rootKey: RootKeyRecord;
  readonly requestId: string;
  readonly services: KeyServices;
  /** For writes that every node must know of: how they came to know is told to the caller and measured. */
  readonly told: Told;
  /** Throws 403 unless the root key holds the right for this id (`*`: for all). */
  demand(resource: string, id: string, action: string): void;
}

/** What an operation answers, put next to `meta`. */
export interface OperationResult {
  readonly data: unknown;
  readonly pagination?: { readonly hasMore: boolean; readonly cursor?: string };
}

export interface Operation {
  readonly name: string;
  /** Of the body; docs/openapi.json is made from it. */
  readonly schema: z.ZodType;
  run(body: unknown, call: OperationCall): Promise<OperationResult>;
}

/** A key-protocol operation, `POST /v2/<name>`: its schema and what it does. One file each, listed in operations.ts. */
export function operation<S extends z.ZodType>(
  name: string,
  schema: S,
  run: (input: z.infer<S>, call: OperationCall) => Promise<OperationResult>,
): Operation {
  return {
    name,
    schema,
    run: (body, call) => {
      const parsed = schema.safeParse(body);
      if (parsed.success) return run(parsed.data, call);
      throw invalidInput(
        `POST request body for '/v2/${name}' failed to validate schema`,
        fieldErrors(parsed.error.issues),
      );
    },
  };
}

export function registerOperations(
  fastify: FastifyInstance,
  operations: readonly Operation[],
  rootKeys: RootKeys,
  services: KeyServices,
): void {
  for (const { name, run } of operations) {
    fastify.post(`/v2/${name}`, async (request, reply) => {
      const rootKey = rootKeys.authenticate(request.headers.authorization);
      refuseQuery(request);
      const demand: OperationCall['demand'] = (resource, id, action) => demandRight(rootKey, resource, id, action);
      const start = performance.now();
      const told: Told = (confirmation) => {
        reply.header('KeyMeter-Confirmed', confirmedBy(confirmation));
        services.metrics.announced((performance.now() - start) / 1000, confirmation.lapsed.length > 0);
      };
      const result = await run(request.body, { rootKey, requestId: request.id, services, demand, told });
      reply.header('cache-control', 'no-store');
      return { meta: { requestId: request.id }, ...result };
    });
  }
}

/** A structured item: by the word of every node, or by the end of the leases of those that did not answer. */
function confirmedBy({ waitedMs, lapsed }: Confirmation): string {
  const by = lapsed.length === 0 ? 'nodes' : `leases;lapsed=${lapsed.length}`;
  return `${by};wait=${Math.round(waitedMs)}`;
}

/** Keys in URLs end up in the logs of every proxy on the way. */
export function refuseQuery(request: FastifyRequest): void {
  if (!request.raw.url?.includes('?')) return;
  throw invalidInput('Parameters go into the JSON body, not into the URL.', [
    { location: '', message: 'query parameters are not allowed' },
  ]);
}
