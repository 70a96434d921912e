import type { TakeOutcome } from '#domain/keys/counter-charge.js';
import type { RateLimit } from '#domain/keys/key-record.js';
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
  const { code, view, credits, limits, outcome, enforcement, unverified } = verdict;
  let data = code === 'VALID' ? '"valid":true,"code":"VALID"' : `"valid":false,"code":"${code}"`;
  if (unverified) data += ',"unverified":true';
  if (view) data += profileOf(view).members;
  if (credits !== undefined) data += `,"credits":${credits}`;
  const asked = limits && limits.limits.length > 0 && outcome;
  if (asked) data += `,"ratelimits":[${limitStates(limits, outcome)}]`;
  if (enforcement) data += `,"enforcement":${JSON.stringify(enforcementDocument(enforcement))}`;
  const body = `{"meta":{"requestId":"${requestId}"},"data":{${data}}}`;
  return outcome && outcome.windows.length > 0 ? { body, headers: rateLimitHeaders(verdict, outcome, now) } : { body };
}

/** What the answers of one limit have in common, worked out once. */
interface LimitTexts {
  /** The members up to `exceeded`. */
  readonly members: string;
  /** As a structured string; undefined for a name that cannot be one. */
  readonly name: string | undefined;
  readonly policy: string;
}

const texts = new WeakMap<RateLimit, LimitTexts>();

function textsOf(limit: RateLimit): LimitTexts {
  let found = texts.get(limit);
  if (found === undefined) {
    const { id, name, duration, autoApply } = limit;
    found = {
      members:
        `{"id":"${id}","name":${JSON.stringify(name)},"limit":${limit.limit},"duration":${duration},` +
        `"autoApply":${autoApply},"exceeded":`,
      name: structuredString(name),
      policy: `;q=${limit.limit};w=${Math.ceil(duration / 1000)}`,
    };
    texts.set(limit, found);
  }
  return found;
}

function limitStates({ limits }: LimitPlan, { windows }: TakeOutcome): string {
  let states = '';
  for (let i = 0; i < limits.length; i++) {
    const state = windows[i];
    const { members } = textsOf(limits[i] as RateLimit);
    const comma = i === 0 ? '' : ',';
    states += `${comma}${members}${state?.exceeded},"remaining":${state?.remaining},"reset":${state?.reset}}`;
  }
  return states;
}

/** draft-ietf-httpapi-ratelimit-headers: policy and state of each limit as structured fields; seconds. */
function rateLimitHeaders({ limits, code }: Verdict, outcome: TakeOutcome, now: number): Record<string, string> {
  let states = '';
  let policies = '';
  let retryAfter = 0;
  outcome.windows.forEach((window, i) => {
    const seconds = Math.max(0, Math.ceil((window.reset - now) / 1000));
    if (window.exceeded) retryAfter = Math.max(retryAfter, seconds);
    const limit = limits?.limits[i];
    if (!limit) return; // a policy's throttle: it shows as enforcement
    const { name = `"limit-${i}"`, policy } = textsOf(limit);
    const comma = states === '' ? '' : ', ';
    states += `${comma}${name};r=${window.remaining};t=${seconds}`;
    policies += `${comma}${name}${policy}`;
  });
  const headers: Record<string, string> = {};
  if (states !== '') {
    headers['RateLimit'] = states;
    headers['RateLimit-Policy'] = policies;
  }
  if (code === 'RATE_LIMITED') headers['Retry-After'] = String(retryAfter);
  return headers;
}

/** RFC 9651 strings are printable ASCII: a limit of another name is shown by its place in the answer. */
function structuredString(name: string): string | undefined {
  return /^[ -~]+$/.test(name) ? `"${name.replace(/["\\]/g, '\\$&')}"` : undefined;
}
