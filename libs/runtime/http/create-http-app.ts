import { randomBytes } from 'node:crypto';
import { type DynamicModule, type LoggerService, Module, type Type } from '@nestjs/common';
import { APP_FILTER, APP_PIPE, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HttpProblem } from './http-problem.js';
import { ProblemFilter } from './problem.filter.js';
import { RouteTable } from './route-table.js';
import { schemaPipe } from './schema-pipe.js';

export const MAX_BODY_BYTES = 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const TIMEOUT_CHECK_MS = 2_000; // Node looks for timed-out requests every 30 s unless told otherwise

@Module({})
class HttpModule {}

/** The Nest application on Fastify with everything that every route relies on; not yet initialised. */
export async function createHttpApp(
  module: Type | DynamicModule | Promise<DynamicModule>,
  options: { logger?: LoggerService | false } = {},
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { connectionsCheckingInterval: TIMEOUT_CHECK_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    genReqId: requestIds(),
  });
  const fastify = adapter.getInstance();
  fastify.removeContentTypeParser('text/plain');
  // RFC 9512; policies are written in it. A route that takes no text refuses it by its schema.
  fastify.addContentTypeParser('application/yaml', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  fastify.addHook('onRequest', refuseEncodedBodies);
  const routes = new RouteTable();
  routes.watch(fastify);
  const root: DynamicModule = {
    module: HttpModule,
    imports: [module],
    providers: [
      { provide: RouteTable, useValue: routes },
      { provide: APP_PIPE, useValue: schemaPipe() },
      { provide: APP_FILTER, useClass: ProblemFilter },
    ],
  };
  return NestFactory.create<NestFastifyApplication>(root, adapter, {
    bodyParser: false,
    abortOnError: false,
    ...options,
  });
}

/** Unique for as long as the random start of the process is. */
function requestIds(): () => string {
  const start = `req_${randomBytes(6).toString('hex')}`;
  let count = 0;
  return () => `${start}${(count++).toString(36)}`;
}

/** Nothing is unpacked here: the limit on bodies would count packed bytes. */
function refuseEncodedBodies(request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void {
  const encoding = request.headers['content-encoding'];
  const plain = encoding === undefined || encoding === 'identity';
  done(plain ? undefined : new HttpProblem(415, 'application/unsupported_media_type', 'Send the body unencoded.'));
}
