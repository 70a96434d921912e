/**
 * draft-ietf-httpapi-ratelimit-headers: policy and state of each limit as structured fields; seconds. Behind the key's own
 * limits stand the holds of policies, under the policy's name, from what the enforcement itself says, and calendar quotas
 * as they were last told.
 */
import type { TakeOutcome } from '#domain/keys/counter-charge.js';
import type { RateLimit } from '#domain/keys/key-record.js';
import type { Verdict } from '#domain/keys/verdict.js';
import type { Enforcement } from '#domain/policies/enforcement.js';
import type { Quota } from '#domain/policies/quota.js';
import type { ShownQuota } from '#domain/policies/quota-board.js';

type WindowState = TakeOutcome['windows'][number];

interface Named {
  readonly name: string;
  /** As a structured string. */
  readonly text: string;
}

/** One limit in both fields; `reset` in seconds from now, undefined where nobody knows. */
interface Item extends Named {
  readonly policy: string;
  readonly remaining: number;
  readonly reset: number | undefined;
}

export interface LimitFields {
  readonly headers: Readonly<Record<string, string>>;
  /** The limits and policies that refuse, by their names in the fields. */
  readonly violated: readonly string[];
}

export function limitFields(verdict: Verdict, now: number): LimitFields {
  const { code, limits, outcome, throttles } = verdict;
  const count = limits?.limits.length ?? 0;
  let states = '';
  let policies = '';
  let retryAfter = 0;
  const violated: string[] = [];
  const add = ({ name, text, policy, remaining, reset }: Item, refuses: boolean) => {
    const comma = states === '' ? '' : ', ';
    states += `${comma}${text};r=${remaining}${reset === undefined ? '' : `;t=${reset}`}`;
    policies += `${comma}${text}${policy}`;
    if (refuses) violated.push(name);
  };
  outcome?.windows.forEach((window, i) => {
    const limit = limits?.limits[i];
    const throttle = throttles?.[i - count];
    const item = limit ? limitItem(limit, window, i, now) : throttle && throttleItem(throttle, window, now);
    if (!item) return;
    if (window.exceeded) retryAfter = Math.max(retryAfter, item.reset ?? 0);
    add(item, window.exceeded);
  });
  for (const quota of verdict.quotas ?? []) add(quotaItem(quota, now), false);
  const shutOut = code === 'DISABLED' ? shutOutItem(verdict.enforcement, now) : undefined;
  if (shutOut) add(shutOut, true);
  const headers: Record<string, string> = {};
  if (states !== '') {
    headers['RateLimit'] = states;
    headers['RateLimit-Policy'] = policies;
  }
  if (code === 'RATE_LIMITED') headers['Retry-After'] = String(retryAfter);
  else if (shutOut?.reset !== undefined) headers['Retry-After'] = String(shutOut.reset);
  return { headers, violated };
}

interface LimitTexts {
  /** Undefined for a name that no structured string can hold. */
  readonly named: Named | undefined;
  readonly policy: string;
}

const texts = new WeakMap<RateLimit, LimitTexts>();

function limitItem(limit: RateLimit, window: WindowState, place: number, now: number): Item {
  let found = texts.get(limit);
  if (found === undefined) {
    const policy = `;q=${limit.limit};w=${Math.ceil(limit.duration / 1000)}`;
    found = { named: namedAs(limit.name), policy };
    texts.set(limit, found);
  }
  const { named, policy } = found;
  const { name, text } = named ?? unnamed(`limit-${place}`);
  return { name, text, policy, remaining: window.remaining, reset: secondsTo(window.reset, now) };
}

/** Where a policy lets nothing through, the next window opens nothing either: only the end of the hold does. */
function throttleItem({ policyName, action, until }: Enforcement, window: WindowState, now: number): Item | undefined {
  if (action.type !== 'throttle') return undefined;
  const { limit, windowMs } = action;
  const reset = limit === 0 && until !== null ? until : window.reset;
  return {
    ...policyNamed(policyName),
    policy: `;q=${limit};w=${Math.ceil(windowMs / 1000)}`,
    remaining: window.remaining,
    reset: secondsTo(reset, now),
  };
}

const quotaNames = new WeakMap<Quota, Named>();

function quotaItem({ quota, standing: { used, start, end } }: ShownQuota, now: number): Item {
  let named = quotaNames.get(quota);
  if (named === undefined) {
    named = policyNamed(quota.policyName);
    quotaNames.set(quota, named);
  }
  const { limit } = quota;
  const { name, text } = named;
  const policy = `;q=${limit};w=${secondsTo(end, start)}`;
  return { name, text, policy, remaining: Math.max(0, limit - used), reset: secondsTo(end, now) };
}

/** Nothing until the end of the hold; after a revocation nobody knows when. */
function shutOutItem(enforcement: Enforcement | undefined, now: number): Item | undefined {
  if (enforcement?.action.type !== 'suspend' && enforcement?.action.type !== 'revoke') return undefined;
  const { policyName, begin, until } = enforcement;
  const named = policyNamed(policyName);
  if (until === null) return { ...named, policy: ';q=0', remaining: 0, reset: undefined };
  const policy = `;q=0;w=${Math.max(1, secondsTo(until, begin))}`;
  return { ...named, policy, remaining: 0, reset: secondsTo(until, now) };
}

function policyNamed(policyName: string): Named {
  return namedAs(policyName) ?? unnamed('policy');
}

function unnamed(name: string): Named {
  return { name, text: `"${name}"` };
}

function secondsTo(instant: number, now: number): number {
  return Math.max(0, Math.ceil((instant - now) / 1000));
}

/** RFC 9651 strings are printable ASCII: a limit of another name is shown by its place in the answer. */
function namedAs(name: string): Named | undefined {
  return /^[ -~]+$/.test(name) ? { name, text: `"${name.replace(/["\\]/g, '\\$&')}"` } : undefined;
}
