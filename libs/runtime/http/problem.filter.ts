import { type ArgumentsHost, Catch, type ExceptionFilter, Injectable, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HttpProblem } from './http-problem.js';
import { keyProtocolDocument, problemDocument } from './problem-documents.js';
import { RouteTable } from './route-table.js';
import { toProblem } from './to-problem.js';

/** The one place where a failure becomes an answer: /v2 in the key protocol's shape, all else as RFC 9457. */
@Catch()
@Injectable()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger('http');

  constructor(private readonly routes: RouteTable) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const request = http.getRequest<FastifyRequest>();
    if (reply.sent) this.#report(error, request);
    else sendProblem(request, reply, this.#wrongMethod(error, request) ?? this.#problem(error, request));
  }

  #problem(error: unknown, request: FastifyRequest): HttpProblem {
    const problem = toProblem(error, request.routeOptions?.bodyLimit);
    if (problem) return problem;
    this.#report(error, request);
    return new HttpProblem(500, 'application/unexpected_error', 'Something went wrong on our side.');
  }

  #wrongMethod(error: unknown, request: FastifyRequest): HttpProblem | undefined {
    if (error instanceof HttpProblem || toProblem(error)?.status !== 404) return undefined;
    const allowed = this.routes.methodsFor(pathOf(request));
    if (allowed.length === 0 || allowed.includes(request.method)) return undefined;
    const allow = allowed.join(', ');
    return new HttpProblem(405, 'application/method_not_allowed', `Use ${allow} here.`, { headers: { Allow: allow } });
  }

  #report(error: unknown, request: FastifyRequest): void {
    const stack = error instanceof Error ? error.stack : String(error);
    this.#logger.error({
      event: 'request_failed',
      requestId: request.id,
      method: request.method,
      path: pathOf(request),
      error: stack,
    });
  }
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: HttpProblem): void {
  reply.status(problem.status).headers({ 'Cache-Control': 'no-store', ...problem.options.headers });
  const path = pathOf(request);
  if (path.startsWith('/v2/')) {
    // The SDKs type an error by its content type; for 429 they want the other one (wire protocol, "Errors").
    const json = problem.status !== 429 && (request.headers.accept ?? '').includes('application/json');
    send(reply, json ? 'application/json' : 'application/problem+json', keyProtocolDocument(problem, request.id));
  } else {
    send(reply, 'application/problem+json', problemDocument(problem, request.id));
  }
}

/** As bytes: Fastify adds a charset to JSON text, and clients compare the type literally. */
function send(reply: FastifyReply, contentType: string, document: string): void {
  reply.header('content-type', contentType).serializer(asIs).send(Buffer.from(document));
}

function asIs(payload: unknown): string {
  return payload as string;
}

/** Without its query: keys and subjects in query strings must not reach a log. */
function pathOf(request: FastifyRequest): string {
  const url = request.raw.url ?? '';
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}
