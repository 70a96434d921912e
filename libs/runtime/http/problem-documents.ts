import { STATUS_CODES } from 'node:http';
import type { HttpProblem } from './http-problem.js';

/** Where the key protocol's clients expect the classes of its own errors. */
const PROTOCOL_DOCS = 'https://unkey.com/docs/errors/';
/** A name, not an address: docs/errors.md explains each, wherever the documentation is read. */
const OWN_ERRORS = 'urn:keymeter:error:';

/** `<category>/<specific>` is the protocol's; three segments name their system, `keymeter/…` is ours. */
function typeOf(code: string): string {
  if (code.startsWith('keymeter/')) return OWN_ERRORS + code.slice('keymeter/'.length).replaceAll('/', ':');
  return PROTOCOL_DOCS + (code.split('/').length > 2 ? code : `unkey/${code}`);
}

/** The key protocol's error document; `errors` belongs to 400 only, and is required there. */
export function keyProtocolDocument(problem: HttpProblem, requestId: string): string {
  const { status, code, detail, options } = problem;
  const title = status === 403 ? 'Insufficient Permissions' : titleOf(status);
  const errors = status === 400 ? { errors: options.errors ?? [] } : {};
  return JSON.stringify({ meta: { requestId }, error: { title, detail, status, type: typeOf(code), ...errors } });
}

/** RFC 9457; `detail` begins with its class, as clients of the metering protocol know it. */
export function problemDocument(problem: HttpProblem, requestId: string): string {
  const { status, code, detail, options } = problem;
  const validationErrors = options.errors?.map(({ location, message, index }) => {
    return { code, message, field: location, index };
  });
  return JSON.stringify({
    type: options.type ?? 'about:blank',
    title: titleOf(status),
    status,
    detail: withClass(status, detail),
    instance: `urn:request:${requestId}`,
    ...options.members,
    extensions: { code, ...(validationErrors?.length ? { validationErrors } : {}) },
  });
}

const CLASSES: Readonly<Record<number, string>> = {
  400: 'validation error',
  404: 'not found error',
  409: 'conflict error',
};

function withClass(status: number, detail: string): string {
  const name = CLASSES[status];
  return name === undefined || detail.startsWith(name) ? detail : `${name}: ${detail}`;
}

function titleOf(status: number): string {
  return STATUS_CODES[status] ?? 'Error';
}
