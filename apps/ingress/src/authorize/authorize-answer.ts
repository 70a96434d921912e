/**
 * A verdict as the status of an answer, for gateways that know no other. Refusals by limits and policies use the problem types
 * of draft-ietf-httpapi-ratelimit-headers.
 */
import type { VerifyCode } from '#domain/keys/verdict.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import type { EnforcementDocument } from '../keys/enforcement-document.js';
import type { VerifyAnswer } from '../verify/verify-answer.js';

const TYPES = 'https://iana.org/assignments/http-problem-types#';

/** What the answer of a verification says, as far as it matters here. */
interface Verified {
  readonly code: VerifyCode;
  readonly keyId?: string;
  readonly identity?: { readonly externalId: string };
  readonly enforcement?: EnforcementDocument;
}

/** Header fields for the service behind the gateway, or the refusal. */
export function authorization({
  body,
  headers = {},
  violated = [],
}: VerifyAnswer): HttpProblem | Record<string, string> {
  const data = (JSON.parse(body) as { data: Verified }).data;
  if (data.code !== 'VALID') return refusal(data, violated, headers);
  const { keyId, identity } = data;
  return {
    ...headers,
    ...(keyId === undefined ? {} : { 'KeyMeter-Key-Id': keyId }),
    // A header field holds no other characters as they are.
    ...(identity === undefined ? {} : { 'KeyMeter-External-Id': encodeURIComponent(identity.externalId) }),
  };
}

/** keymeter itself cannot take the request now: clients shall slow down, whoever they are. */
export function reducedCapacity(problem: HttpProblem): HttpProblem {
  const { status, code, detail, options } = problem;
  const members = { 'violated-policies': [] };
  return new HttpProblem(status, code, detail, { ...options, type: `${TYPES}temporary-reduced-capacity`, members });
}

function refusal(data: Verified, violated: readonly string[], headers: Readonly<Record<string, string>>): HttpProblem {
  const { code, enforcement } = data;
  const limited = (type: string, detail: string, members: Readonly<Record<string, unknown>>) =>
    new HttpProblem(429, `keymeter/key/${code.toLowerCase()}`, detail, { headers, type: TYPES + type, members });
  if (enforcement?.action === 'suspend' && code === 'DISABLED') {
    return limited('abnormal-usage-detected', enforcement.reason, { 'violated-policies': violated, enforcement });
  }
  switch (code) {
    case 'RATE_LIMITED':
      return limited('quota-exceeded', enforcement?.reason ?? 'A limit of this key is used up; repeat it later.', {
        'violated-policies': violated,
      });
    case 'USAGE_EXCEEDED':
      return limited('quota-exceeded', 'The credits of this key are used up.', { 'violated-policies': ['credits'] });
    case 'INSUFFICIENT_PERMISSIONS':
      return new HttpProblem(403, 'keymeter/key/insufficient_permissions', 'This key may not do that.', { headers });
    case 'DISABLED':
      return new HttpProblem(403, 'keymeter/key/disabled', enforcement?.reason ?? 'This key is disabled.', {
        headers,
        ...(enforcement ? { members: { enforcement } } : {}),
      });
    default:
      return new HttpProblem(401, `keymeter/key/${code.toLowerCase()}`, 'This key is not valid, or not any more.', {
        headers: { ...headers, 'WWW-Authenticate': 'Bearer error="invalid_token"' },
      });
  }
}
