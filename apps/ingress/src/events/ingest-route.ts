/** `POST /api/v1/events`, straight on Fastify: the body stays bytes until the decoder reads it. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { demandRight } from '#runtime/http/root-key.guard.js';
import type { RootKeys } from '#runtime/http/root-keys.js';
import type { EventIngest, Ingested } from './event-ingest.js';
import { type Preference, parsePreference } from './preference.js';

export function registerIngestRoute(
  fastify: FastifyInstance,
  ingest: EventIngest,
  rootKeys: RootKeys,
  bodyLimit: number,
): void {
  fastify.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, (_request, body, done) => done(null, body));
    scope.post('/api/v1/events', { bodyLimit }, async (request, reply) => {
      demandRight(rootKeys.authenticate(request.headers.authorization), 'event', '*', 'publish_event');
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const preference = parsePreference(request.headers.prefer);
      const ingested = await ingest.ingest(body, request.headers['content-type'], preference === 'representation');
      return answer(ingest, ingested, preference, reply);
    });
  });
}

async function answer(
  ingest: EventIngest,
  ingested: Ingested | undefined,
  preference: Preference,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (!ingested) return reply.code(204).send();
  if (ingested.position !== undefined) reply.header('KeyMeter-Position', ingested.position);
  if (preference === 'none') return reply.code(204).send();
  if (preference === 'async') {
    reply.header('Preference-Applied', 'respond-async');
    if (ingested.outcome !== undefined) reply.header('Location', ingested.outcome);
    return reply.code(202).send();
  }
  const fates = await ingest.fatesOf(ingested);
  if (preference === 'counts') {
    const count = (wanted: string) => fates.filter((fate) => fate === wanted).length;
    reply.header('Preference-Applied', 'keymeter-counts');
    return reply.send({ accepted: count('accepted'), duplicate: count('duplicate'), conflict: count('conflict') });
  }
  reply.header('Preference-Applied', 'return=representation');
  return reply.send({
    events: ingested.names.map(({ source, id }, i) => {
      const status = fates[i] ?? 'accepted';
      const conflict = 'Another payload came before under this source and id; the first one stands.';
      return status === 'conflict' ? { source, id, status, detail: conflict } : { source, id, status };
    }),
  });
}
