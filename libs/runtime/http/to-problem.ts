import { HttpException } from '@nestjs/common';
import { KeymeterError } from '#domain/errors.js';
import { HttpProblem, invalidInput } from './http-problem.js';

/** Anything thrown, as the problem its caller sees; undefined for what nobody foresaw. `bodyLimit` is the route's, bytes. */
export function toProblem(error: unknown, bodyLimit?: number): HttpProblem | undefined {
  if (error instanceof HttpProblem) return error;
  if (error instanceof KeymeterError) return fromKeymeterError(error);
  if (isFastifyError(error)) return fromFastify(error, bodyLimit);
  if (error instanceof HttpException) {
    return isFastifyError(error.cause) ? fromFastify(error.cause, bodyLimit) : fromStatus(error.getStatus());
  }
  return undefined;
}

function fromKeymeterError(error: KeymeterError): HttpProblem | undefined {
  if (!error.retryable) return undefined;
  return new HttpProblem(
    503,
    `keymeter/${error.code.toLowerCase()}`,
    'keymeter cannot take this now; repeat it later.',
    {
      headers: { 'Retry-After': '1' },
    },
  );
}

interface FastifyFailure {
  readonly code: string;
  readonly statusCode: number;
}

function isFastifyError(error: unknown): error is FastifyFailure & Error {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number';
}

/** Messages of parsers may quote the body: ours name the cause only. */
function fromFastify(error: FastifyFailure & Error, bodyLimit: number | undefined): HttpProblem | undefined {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return bodyTooLarge(bodyLimit);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return fromStatus(415);
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return invalidInput('The request has no body.', [{ location: '', message: 'a JSON body is required' }]);
    case 'FST_ERR_BAD_URL':
      return fromStatus(400);
  }
  if (error.statusCode === 400) {
    return invalidInput('The request body is no valid JSON.', [{ location: '', message: 'no valid JSON' }]);
  }
  return error.statusCode < 500 ? fromStatus(error.statusCode) : undefined;
}

function bodyTooLarge(limit: number | undefined): HttpProblem {
  const most = limit === undefined ? '' : ` of ${limit} bytes`;
  return new HttpProblem(413, 'application/body_too_large', `The request body is larger than the limit${most}.`);
}

function fromStatus(status: number): HttpProblem | undefined {
  switch (status) {
    case 400:
      return invalidInput('The request is malformed.');
    case 401:
      return new HttpProblem(401, 'authentication/missing', 'Authentication is required.');
    case 403:
      return new HttpProblem(403, 'authorization/insufficient_permissions', 'This is not allowed.');
    case 404:
      return new HttpProblem(404, 'application/route_not_found', 'There is nothing at this path.');
    case 413:
      return new HttpProblem(413, 'application/body_too_large', 'The request is too large.');
    case 415:
      return new HttpProblem(
        415,
        'application/unsupported_media_type',
        'Send the body as application/json, not encoded.',
      );
  }
  return status < 500 ? new HttpProblem(status, 'application/invalid_input', 'The request was refused.') : undefined;
}
