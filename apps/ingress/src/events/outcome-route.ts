/** `GET /api/v1/events/outcomes/{partition}/{offset}`: what became of a request that was answered before that was known. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Position } from '#domain/log/position.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { demandRight } from '#runtime/http/root-key.guard.js';
import type { RootKeys } from '#runtime/http/root-keys.js';
import type { EventIngest } from './event-ingest.js';
import { parseWaitSeconds } from './preference.js';

const PATH = '/api/v1/events/outcomes';
/** The question itself waits; a sender need not pause long before the next one. */
const RETRY_AFTER_SECONDS = 1;

export function outcomePath({ partition, offset }: Position): string {
  return `${PATH}/${partition}/${offset}`;
}

export function registerOutcomeRoute(fastify: FastifyInstance, ingest: EventIngest, rootKeys: RootKeys): void {
  fastify.get(`${PATH}/:partition/:offset`, async (request, reply) => {
    demandRight(rootKeys.authenticate(request.headers.authorization), 'event', '*', 'publish_event');
    const frame = framePosition(request);
    const wait = parseWaitSeconds(request.headers.prefer);
    const waitMs = wait === undefined ? undefined : wait * 1_000;
    const counts = frame === undefined ? 'unknown' : await ingest.countsOf(frame, waitMs);
    if (counts === 'unknown') throw forgotten();
    if (counts === 'undecided') return reply.code(202).header('Retry-After', RETRY_AFTER_SECONDS).send();
    return reply.send(counts);
  });
}

function framePosition(request: FastifyRequest): Position | undefined {
  const { partition, offset } = request.params as { partition: string; offset: string };
  if (!/^\d{1,5}$/.test(partition) || !/^\d{1,15}$/.test(offset)) return undefined;
  return { partition: Number(partition), offset: Number(offset) };
}

function forgotten(): HttpProblem {
  const detail =
    'There is no outcome here: never written, or decided so long ago, or before a restart, that it is forgotten.';
  return new HttpProblem(404, 'data/outcome_not_found', detail);
}
