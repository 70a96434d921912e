import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '#ports/clock.js';
import type { KeptAnswer } from '#ports/counters.js';
import { Counters } from '#ports/counters.js';
import { HttpProblem, invalidInput } from '#runtime/http/http-problem.js';
import { KeyVerifier, type VerifyCall } from './key-verifier.js';
import type { VerifyAnswer } from './verify-answer.js';
import { type Answered, VerifyService } from './verify-service.js';

const KEEP_MS = 120_000; // SDKs repeat a call for 10 s
const MAX_KEY_CHARS = 255;

type MaybeKept = KeptAnswer | undefined | Promise<KeptAnswer | undefined>;

interface Pending {
  readonly requestHash: string;
  readonly waiting: Answered[];
}

/** Repeats of a verification under one Idempotency-Key: one charge, one event, one answer. */
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
    const kept = this.counters.keptAnswer(key, this.clock.now());
    if (kept === undefined) this.#verify(call, key, requestHash);
    else this.#replayed(call, key, requestHash, kept).catch((error) => this.#unverified(call, key, error));
  }

  #verify(call: VerifyCall, key: string, requestHash: string): void {
    try {
      this.service.verify(call, { key, requestHash, keepMs: KEEP_MS }, (error, answer) =>
        this.#settle(key, error, answer),
      );
    } catch (error) {
      this.#settle(key, error, undefined);
    }
  }

  /** A kept VALID is not repeated for a key that has been disabled, revoked or has run out since. */
  async #replayed(call: VerifyCall, key: string, requestHash: string, found: MaybeKept): Promise<void> {
    const kept = await found;
    if (!kept) return this.#verify(call, key, requestHash);
    demandSame(kept.requestHash, requestHash);
    const answer = JSON.parse(kept.answer) as VerifyAnswer;
    const valid = answer.body.includes('"data":{"valid":true');
    if (valid && !(await this.verifier.isUsable(call))) return this.#verify(call, key, requestHash);
    this.#settle(key, undefined, { ...answer, headers: { ...answer.headers, 'Idempotent-Replayed': 'true' } });
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
