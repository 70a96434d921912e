import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Clock } from '#ports/clock.js';
import type { Claim, ClaimRequest, KeptAnswer } from '#ports/counters.js';
import { Counters } from '#ports/counters.js';
import { HttpProblem, invalidInput } from '#runtime/http/http-problem.js';
import { KeyVerifier, type VerifyCall } from './key-verifier.js';
import type { VerifyAnswer } from './verify-answer.js';
import { type Answered, VerifyService } from './verify-service.js';

const KEEP_MS = 120_000; // SDKs repeat a call for 10 s
/** A verification takes milliseconds; one that takes longer has a node that is dead, paused or cut off. */
const TAKE_OVER_MS = 1_000;
const ASK_EVERY_MS = 20;
const MAX_KEY_CHARS = 255;

interface Pending {
  readonly requestHash: string;
  readonly waiting: Answered[];
}

/** Repeats of a verification under one Idempotency-Key, on whichever node: one charge, one event, one answer. */
@Injectable()
export class VerifyOnce {
  readonly #pending = new Map<string, Pending>();

  constructor(
    private readonly service: VerifyService,
    private readonly verifier: KeyVerifier,
    private readonly counters: Counters,
    private readonly clock: Clock,
  ) {}

  verify(call: VerifyCall, idempotencyKey: string, answered: Answered): void {
    const key = keyOf(call, idempotencyKey);
    const requestHash = digest(JSON.stringify(call.request));
    const pending = this.#pending.get(key);
    if (pending) {
      demandSame(pending.requestHash, requestHash);
      pending.waiting.push(answered);
      return;
    }
    this.#pending.set(key, { requestHash, waiting: [answered] });
    const request = { key, requestHash, operation: call.requestId };
    const claim = this.counters.claim(request, this.clock.now());
    if (claim instanceof Promise || claim.kind !== 'mine') {
      this.#claimed(call, request, claim).catch((error) => this.#unverified(call, key, error));
    } else this.#verify(call, request);
  }

  #verify(call: VerifyCall, claimed: ClaimRequest): void {
    const { key } = claimed;
    try {
      this.service.verify(call, { ...claimed, keepMs: KEEP_MS }, (error, answer) => {
        if (error === undefined) this.#settle(key, undefined, answer);
        else this.#failed(claimed, error);
      });
    } catch (error) {
      this.#failed(claimed, error);
    }
  }

  /** A repeat is a new one. Where that cannot be told now, the claim ends by itself. */
  #failed(claimed: ClaimRequest, error: unknown): void {
    const settle = () => this.#settle(claimed.key, error, undefined);
    const abandoned = this.counters.abandon(claimed);
    if (abandoned instanceof Promise) abandoned.then(settle, settle);
    else settle();
  }

  async #claimed(call: VerifyCall, request: ClaimRequest, first: Claim | Promise<Claim>): Promise<void> {
    const startedAt = this.clock.monotonic();
    let claim = await first;
    while (claim.kind === 'others') {
      demandSame(claim.requestHash, request.requestHash);
      const { operation } = claim;
      if (this.clock.monotonic() - startedAt >= TAKE_OVER_MS) return this.#verify(call, { ...request, operation });
      await delay(ASK_EVERY_MS);
      claim = await this.counters.claim(request, this.clock.now());
    }
    if (claim.kind === 'mine') this.#verify(call, request);
    else await this.#replayed(call, request, claim.kept);
  }

  /** A kept VALID is not repeated for a key that has been disabled, revoked or has run out since. */
  async #replayed(call: VerifyCall, request: ClaimRequest, kept: KeptAnswer): Promise<void> {
    demandSame(kept.requestHash, request.requestHash);
    const answer = JSON.parse(kept.answer) as VerifyAnswer;
    const valid = answer.body.includes('"data":{"valid":true');
    if (valid && !(await this.verifier.isUsable(call))) return this.#verify(call, request);
    const headers = { ...answer.headers, 'Idempotent-Replayed': 'true' };
    this.#settle(request.key, undefined, { ...answer, headers });
  }

  /** Whether it is a repeat cannot be told: it is answered without charge where that is allowed. */
  #unverified(call: VerifyCall, key: string, reason: unknown): void {
    try {
      this.service.verifyUnverified(call, reason, (error, answer) => this.#settle(key, error, answer));
    } catch (error) {
      this.#settle(key, error, undefined);
    }
  }

  #settle(key: string, error: unknown, answer: VerifyAnswer | undefined): void {
    const waiting = this.#pending.get(key)?.waiting ?? [];
    this.#pending.delete(key);
    for (const answered of waiting) answered(error, answer);
  }
}

/** Root keys do not see each other's idempotency keys. */
function keyOf(call: VerifyCall, idempotencyKey: string): string {
  if (idempotencyKey.length > MAX_KEY_CHARS || !/^[!-~]+$/.test(idempotencyKey)) {
    const message = `1 to ${MAX_KEY_CHARS} printable ASCII characters`;
    throw invalidInput('The Idempotency-Key header is malformed.', [{ location: 'header/Idempotency-Key', message }]);
  }
  return digest(`${call.rootKey.id} ${idempotencyKey}`);
}

function demandSame(known: string, presented: string): void {
  if (known === presented) return;
  const detail = 'This Idempotency-Key was used with another request body: use a new one for a new request.';
  throw new HttpProblem(409, 'keymeter/idempotency/key_reused', detail);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 32);
}
