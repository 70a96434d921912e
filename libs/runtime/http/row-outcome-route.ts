/**
 * `GET /api/v1/events/outcomes?rows=…`: what became of rows of a cluster's log. Any process that knows the log and what is
 * stored can answer it, whichever ingress has taken the events.
 */
import type { FastifyInstance } from 'fastify';
import { type EventPosition, formatRows, type Position, parseRows, rangesOf } from '#domain/log/position.js';
import type { RowFate, RowFates } from '#ports/row-fates.js';
import { HttpProblem } from './http-problem.js';
import { parseWaitMs } from './prefer-header.js';
import { demandRight } from './root-key.guard.js';
import type { RootKeys } from './root-keys.js';

export const OUTCOMES_PATH = '/api/v1/events/outcomes';
/** The question itself waits; a sender need not pause long before the next one. */
export const RETRY_AFTER_SECONDS = 1;
/** How long a sender who asks for fates may have to wait, ms. The events are durable before that. */
export const FATES_TIMEOUT_MS = 10_000;
/** As many as a request of ingest may have. */
const MAX_ROWS = 100_000;
/** A request line and its headers have 16 KiB in all (Node's --max-http-header-size). */
const MAX_PATH_CHARS = 8_000;

/** Of a whole record. */
export function outcomePath({ partition, offset }: Position): string {
  return `${OUTCOMES_PATH}/${partition}/${offset}`;
}

/** Undefined where the rows are spread over so many records that no path can name them. */
export function rowOutcomePath(rows: readonly EventPosition[]): string | undefined {
  const path = `${OUTCOMES_PATH}?rows=${formatRows(rangesOf(rows))}`;
  return path.length <= MAX_PATH_CHARS ? path : undefined;
}

export function registerRowOutcomeRoute(fastify: FastifyInstance, fates: RowFates, rootKeys: RootKeys): void {
  fastify.get(OUTCOMES_PATH, async (request, reply) => {
    demandRight(rootKeys.authenticate(request.headers.authorization), 'event', '*', 'publish_event');
    const { rows } = request.query as { rows?: unknown };
    const places = typeof rows === 'string' ? parseRows(rows, MAX_ROWS) : undefined;
    const waitMs = Math.min(parseWaitMs(request.headers.prefer) ?? FATES_TIMEOUT_MS, FATES_TIMEOUT_MS);
    const found = places === undefined ? 'unknown' : await fates.of(places, waitMs);
    if (found === 'unknown') throw forgottenOutcome();
    if (found === 'undecided') return reply.code(202).header('Retry-After', RETRY_AFTER_SECONDS).send();
    return reply.send(countsOf(found));
  });
}

export function forgottenOutcome(): HttpProblem {
  const detail =
    'There is no outcome here: never written, or decided so long ago, or before a restart, that it is forgotten.';
  return new HttpProblem(404, 'data/outcome_not_found', detail);
}

function countsOf(fates: readonly RowFate[]): Record<RowFate, number> {
  const counts = { accepted: 0, duplicate: 0, conflict: 0, undecodable: 0 };
  for (const fate of fates) counts[fate]++;
  return counts;
}
