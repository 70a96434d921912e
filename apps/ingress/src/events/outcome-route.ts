/** `GET /api/v1/events/outcomes/{partition}/{offset}`: what became of a request that was answered before that was known. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Position } from '#domain/log/position.js';
import { parseWaitMs } from '#runtime/http/prefer-header.js';
import { demandRight } from '#runtime/http/root-key.guard.js';
import type { RootKeys } from '#runtime/http/root-keys.js';
import { forgottenOutcome, OUTCOMES_PATH, RETRY_AFTER_SECONDS } from '#runtime/http/row-outcome-route.js';
import type { EventIngest } from './event-ingest.js';

export function registerOutcomeRoute(fastify: FastifyInstance, ingest: EventIngest, rootKeys: RootKeys): void {
  fastify.get(`${OUTCOMES_PATH}/:partition/:offset`, async (request, reply) => {
    demandRight(rootKeys.authenticate(request.headers.authorization), 'event', '*', 'publish_event');
    const frame = framePosition(request);
    const counts = frame === undefined ? 'unknown' : await ingest.countsOf(frame, parseWaitMs(request.headers.prefer));
    if (counts === 'unknown') throw forgottenOutcome();
    if (counts === 'undecided') return reply.code(202).header('Retry-After', RETRY_AFTER_SECONDS).send();
    return reply.send(counts);
  });
}

function framePosition(request: FastifyRequest): Position | undefined {
  const { partition, offset } = request.params as { partition: string; offset: string };
  if (!/^\d{1,5}$/.test(partition) || !/^\d{1,15}$/.test(offset)) return undefined;
  return { partition: Number(partition), offset: Number(offset) };
}
