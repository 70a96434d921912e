import type { TakeOutcome } from '#domain/keys/counter-charge.js';
import type { LimitPlan } from '#domain/keys/limit-plan.js';
import type { Verdict } from '#domain/keys/verdict.js';
import { enforcementDocument } from '../keys/enforcement-document.js';
import { profileOf } from './key-profile.js';

/** The answer's body and the header fields that depend on the verdict. */
export interface VerifyAnswer {
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function verifyAnswer(verdict: Verdict, requestId: string, now: number): VerifyAnswer {
  const { code, view, credits, limits, outcome, enforcement } = verdict;
  let data = code === 'VALID' ? '"valid":true,"code":"VALID"' : `"valid":false,"code":"${code}"`;
  if (view) data += profileOf(view).members;
  if (credits !== undefined) data += `,"credits":${credits}`;
  const asked = limits && limits.limits.length > 0 && outcome;
  if (asked) data += `,"ratelimits":[${limitStates(limits, outcome)}]`;
  if (enforcement) data += `,"enforcement":${JSON.stringify(enforcementDocument(enforcement))}`;
  const body = `{"meta":{"requestId":"${requestId}"},"data":{${data}}}`;
  return outcome && outcome.windows.length > 0 ? { body, headers: rateLimitHeaders(verdict, outcome, now) } : { body };
}

function limitStates({ limits }: LimitPlan, { windows }: TakeOutcome): string {
  return limits
    .map((limit, i) => {
      const state = windows[i];
      const { id, name, duration, autoApply } = limit;
      return (
        `{"id":"${id}","name":${JSON.stringify(name)},"limit":${limit.limit},"duration":${duration},` +
        `"autoApply":${autoApply},"exceeded":${state?.exceeded},"remaining":${state?.remaining},"reset":${state?.reset}}`
      );
    })
    .join(',');
}

/** draft-ietf-httpapi-ratelimit-headers: policy and state of each limit as structured fields; seconds. */
function rateLimitHeaders({ limits, code }: Verdict, outcome: TakeOutcome, now: number): Record<string, string> {
  const states: string[] = [];
  const policies: string[] = [];
  let retryAfter = 0;
  outcome.windows.forEach((window, i) => {
    const seconds = Math.max(0, Math.ceil((window.reset - now) / 1000));
    if (window.exceeded) retryAfter = Math.max(retryAfter, seconds);
    const limit = limits?.limits[i];
    if (!limit) return; // a policy's throttle: it shows as enforcement
    const name = structuredString(limit.name, i);
    states.push(`${name};r=${window.remaining};t=${seconds}`);
    policies.push(`${name};q=${limit.limit};w=${Math.ceil(limit.duration / 1000)}`);
  });
  const headers: Record<string, string> = {};
  if (states.length > 0) headers['RateLimit'] = states.join(', ');
  if (policies.length > 0) headers['RateLimit-Policy'] = policies.join(', ');
  if (code === 'RATE_LIMITED') headers['Retry-After'] = String(retryAfter);
  return headers;
}

/** RFC 9651 strings are printable ASCII: another name is shown by its place in the answer. */
function structuredString(name: string, index: number): string {
  return /^[ -~]+$/.test(name) ? `"${name.replace(/["\\]/g, '\\$&')}"` : `"limit-${index}"`;
}
