import { Injectable, Optional } from '@nestjs/common';
import { isStoreAway } from '#domain/errors.js';
import type { Charge, TakeOutcome } from '#domain/keys/counter-charge.js';
import type { KeyView, RootKeyRecord } from '#domain/keys/key-record.js';
import { hashKey, hasValidChecksum } from '#domain/keys/key-text.js';
import { type LimitPlan, planLimits } from '#domain/keys/limit-plan.js';
import type { PermissionTest } from '#domain/keys/permission-query.js';
import { isGranted } from '#domain/keys/rights.js';
import {
  refusalOf,
  strongest,
  throttlesOf,
  throttleTakes,
  type Verdict,
  type VerifyCode,
} from '#domain/keys/verdict.js';
import type { VerifyRequest } from '#domain/keys/verify-request.js';
import type { Enforcement } from '#domain/policies/enforcement.js';
import { QuotaBoard, type ShownQuota } from '#domain/policies/quota-board.js';
import { Clock } from '#ports/clock.js';
import { Counters } from '#ports/counters.js';
import { EnforcementStore } from '#ports/enforcement-store.js';
import { KeyStore } from '#ports/key-store.js';
import { LastKnown } from '#ports/last-known.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { IngressMetrics } from '#runtime/metrics/ingress-metrics.js';
import { EnforcementWatch } from './enforcement-watch.js';
import { profileOf } from './key-profile.js';
import { ipOf } from './verify-event.js';
import { whenReady } from './when-ready.js';

export interface VerifyCall {
  readonly rootKey: RootKeyRecord;
  readonly request: VerifyRequest;
  readonly permission: PermissionTest | undefined;
  readonly requestId: string;
}

/** A verdict and what the log must carry for it; nothing is answered before it does. */
export interface Judged {
  readonly verdict: Verdict;
  readonly hash: string;
  readonly now: number;
  readonly charge: Charge | undefined;
}

const NO_ENFORCEMENTS: readonly Enforcement[] = [];
const NO_QUOTAS: readonly ShownQuota[] = [];
const NOTHING_TAKEN: TakeOutcome = { passed: true, windows: [] };

/**
 * Judges a presented key. With embedded adapters everything happens in one turn; a remote store makes the same steps
 * wait, and only then a promise is made.
 */
@Injectable()
export class KeyVerifier {
  constructor(
    private readonly store: KeyStore,
    private readonly counters: Counters,
    private readonly enforcements: EnforcementStore,
    private readonly clock: Clock,
    private readonly metrics: IngressMetrics,
    private readonly watch: EnforcementWatch,
    @Optional() private readonly lastKnown?: LastKnown,
    @Optional() private readonly board: QuotaBoard = new QuotaBoard(),
  ) {}

  /** Throws or rejects with HttpProblem 412 when a named rate limit exists nowhere. `operation`: see TakeRequest. */
  judge(call: VerifyCall, operation?: string): Judged | Promise<Judged> {
    if (this.lastKnown === undefined) return this.#judge(call, operation);
    try {
      const judged = this.#judge(call, operation);
      return judged instanceof Promise ? judged.catch((error) => this.judgeUnverified(call, error)) : judged;
    } catch (error) {
      return this.judgeUnverified(call, error);
    }
  }

  /** By what this node last knew, no counter asked, where that is allowed; else throws the error again. */
  judgeUnverified(call: VerifyCall, error: unknown): Judged {
    const hash = hashKey(call.request.key);
    const view = isStoreAway(error) ? this.lastKnown?.key(hash) : undefined;
    if (!this.lastKnown || !view) throw error;
    const now = this.clock.now();
    if (!mayVerify(call, view)) return notFound(hash, now);
    const active = activeFor(this.lastKnown, view, call.request, now);
    const code = refusalOf(view.key, now, active, call.permission, profileOf(view).held) ?? 'VALID';
    const verdict = { code, view, spent: 0, enforcement: strongest(active), unverified: true };
    return { verdict, hash, now, charge: undefined };
  }

  #judge(call: VerifyCall, operation: string | undefined): Judged | Promise<Judged> {
    const hash = hashKey(call.request.key);
    const found = this.#find(call.request.key, hash);
    if (found instanceof Promise) return found.then((view) => this.#judgeFound(call, hash, view, operation));
    return this.#judgeFound(call, hash, found, operation);
  }

  /** Whether the key would pass everything that no counter decides. */
  async isUsable(call: VerifyCall): Promise<boolean> {
    const { key } = call.request;
    const view = await this.#find(key, hashKey(key));
    if (!view) return false;
    const now = this.clock.now();
    const active = activeFor(this.enforcements, view, call.request, now);
    return refusalOf(view.key, now, active, call.permission, profileOf(view).held) === undefined;
  }

  #find(key: string, hash: string): KeyView | undefined | Promise<KeyView | undefined> {
    if (!hasValidChecksum(key)) return undefined;
    this.metrics.lookedUp();
    return this.store.findByHash(hash);
  }

  #judgeFound(
    call: VerifyCall,
    hash: string,
    view: KeyView | undefined,
    operation: string | undefined,
  ): Judged | Promise<Judged> {
    const now = this.clock.now();
    if (!view || !mayVerify(call, view)) return notFound(hash, now);
    const active = activeFor(this.enforcements, view, call.request, now);
    if (active.length > 0) this.watch.obeyed(active, now);
    const enforcement = active.length > 0 ? strongest(active) : undefined;
    const code = refusalOf(view.key, now, active, call.permission, profileOf(view).held);
    if (!code) return this.#judgeByCounters(call, hash, view, now, active, enforcement, operation);
    const { credits: account } = view.key;
    const balance = account ? this.counters.balance(account, now) : undefined;
    return whenReady(balance, (credits) => {
      return { verdict: { code, view, credits, spent: 0, enforcement }, hash, now, charge: undefined };
    });
  }

  #judgeByCounters(
    { request }: VerifyCall,
    hash: string,
    view: KeyView,
    now: number,
    active: readonly Enforcement[],
    enforcement: Enforcement | undefined,
    operation: string | undefined,
  ): Judged | Promise<Judged> {
    const limits = limitsOf(view, request);
    const throttles = active.length > 0 ? throttlesOf(active) : undefined;
    const windows = throttles ? [...limits.takes, ...throttleTakes(throttles)] : limits.takes;
    const { credits: account } = view.key;
    const credits = account && { account, cost: request.credits?.cost ?? 1 };
    const takes = windows.length > 0 || credits !== undefined;
    const taken = takes ? this.counters.take({ windows, credits, operation }, now) : NOTHING_TAKEN;
    return whenReady(taken, (outcome) => {
      const spent = outcome.passed && credits ? credits.cost : 0;
      const code = codeOf(outcome);
      const quotas = quotasOf(this.board, view, active, now);
      const verdict = { code, view, credits: outcome.credits, spent, limits, outcome, enforcement, throttles, quotas };
      return { verdict, hash, now, charge: outcome.charge };
    });
  }
}

function activeFor(
  store: Pick<EnforcementStore, 'activeFor'>,
  { key, identity }: KeyView,
  { tags }: VerifyRequest,
  now: number,
): readonly Enforcement[] {
  const ip = tags ? ipOf(tags) : '';
  const ofKey = store.activeFor('key', key.id, now);
  const ofIdentity = identity ? store.activeFor('identity', identity.id, now) : NO_ENFORCEMENTS;
  const ofSubject = store.activeFor('subject', identity?.externalId ?? key.id, now);
  const ofIp = ip === '' ? NO_ENFORCEMENTS : store.activeFor('ip', ip, now);
  if (ofKey.length + ofIdentity.length + ofSubject.length + ofIp.length === 0) return NO_ENFORCEMENTS;
  return [...ofKey, ...ofIdentity, ...ofSubject, ...ofIp];
}

/** Of a policy that holds the key already, its hold says more. */
function quotasOf(
  board: QuotaBoard,
  { key, identity }: KeyView,
  active: readonly Enforcement[],
  now: number,
): readonly ShownQuota[] | undefined {
  const ofKey = board.of('key', key.id, now);
  const ofIdentity = identity ? board.of('identity', identity.id, now) : NO_QUOTAS;
  const all = ofKey.length === 0 ? ofIdentity : [...ofKey, ...ofIdentity];
  const holds = (id: string) => active.some(({ policyId, action }) => policyId === id && action.type !== 'warn');
  const open = active.length === 0 ? all : all.filter(({ quota }) => !holds(quota.policyId));
  return open.length === 0 ? undefined : open;
}

function mayVerify({ rootKey }: VerifyCall, { key }: KeyView): boolean {
  return isGranted(rootKey.rights, 'api', key.apiId, 'verify_key');
}

function notFound(hash: string, now: number): Judged {
  return { verdict: { code: 'NOT_FOUND', spent: 0 }, hash, now, charge: undefined };
}

function limitsOf(view: KeyView, request: VerifyRequest): LimitPlan {
  const { named, automatic } = profileOf(view);
  if (!request.ratelimits || request.ratelimits.length === 0) return automatic;
  const planned = planLimits(view.key.id, named, automatic, request.ratelimits);
  if (planned.ok) return planned.plan;
  const name = JSON.stringify(planned.unknownLimit);
  const detail = `The rate limit ${name} is neither on the key nor on its identity: define it there or give limit and duration.`;
  throw new HttpProblem(412, 'application/precondition_failed', detail);
}

function codeOf(outcome: TakeOutcome): VerifyCode {
  if (outcome.passed) return 'VALID';
  return outcome.failed === 'credits' ? 'USAGE_EXCEEDED' : 'RATE_LIMITED';
}
