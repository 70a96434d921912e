import type { TakeOutcome } from '#domain/keys/counter-charge.js';
import type { RateLimit } from '#domain/keys/key-record.js';
import type { LimitPlan } from '#domain/keys/limit-plan.js';
import type { Verdict } from '#domain/keys/verdict.js';
import { enforcementDocument } from '../keys/enforcement-document.js';
import { profileOf } from './key-profile.js';
import { type LimitFields, limitFields } from './rate-limit-headers.js';

/** The answer's body, and what depends on the verdict's limits and policies. */
export interface VerifyAnswer extends Partial<LimitFields> {
  readonly body: string;
}

export function verifyAnswer(verdict: Verdict, requestId: string, now: number): VerifyAnswer {
  const { code, view, credits, limits, outcome, enforcement, unverified, quotas } = verdict;
  let data = code === 'VALID' ? '"valid":true,"code":"VALID"' : `"valid":false,"code":"${code}"`;
  if (unverified) data += ',"unverified":true';
  if (view) data += profileOf(view).members;
  if (credits !== undefined) data += `,"credits":${credits}`;
  const asked = limits && limits.limits.length > 0 && outcome;
  if (asked) data += `,"ratelimits":[${limitStates(limits, outcome)}]`;
  if (enforcement) data += `,"enforcement":${JSON.stringify(enforcementDocument(enforcement))}`;
  const body = `{"meta":{"requestId":"${requestId}"},"data":{${data}}}`;
  const isLimited =
    (outcome !== undefined && outcome.windows.length > 0) || enforcement !== undefined || quotas !== undefined;
  return isLimited ? { body, ...limitFields(verdict, now) } : { body };
}

/** Of each limit the members up to `exceeded`, worked out once. */
const texts = new WeakMap<RateLimit, string>();

function textOf(limit: RateLimit): string {
  let found = texts.get(limit);
  if (found === undefined) {
    const { id, name, duration, autoApply } = limit;
    found =
      `{"id":"${id}","name":${JSON.stringify(name)},"limit":${limit.limit},"duration":${duration},` +
      `"autoApply":${autoApply},"exceeded":`;
    texts.set(limit, found);
  }
  return found;
}

function limitStates({ limits }: LimitPlan, { windows }: TakeOutcome): string {
  let states = '';
  for (let i = 0; i < limits.length; i++) {
    const state = windows[i];
    const members = textOf(limits[i] as RateLimit);
    const comma = i === 0 ? '' : ',';
    states += `${comma}${members}${state?.exceeded},"remaining":${state?.remaining},"reset":${state?.reset}}`;
  }
  return states;
}
