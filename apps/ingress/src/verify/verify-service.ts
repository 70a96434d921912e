import { Injectable } from '@nestjs/common';
import type { Charge } from '#domain/keys/counter-charge.js';
import { Counters } from '#ports/counters.js';
import { IngressMetrics } from '#runtime/metrics/ingress-metrics.js';
import { NodeIdentity } from '#runtime/node-identity.js';
import { UsageRecorder } from '#stream/usage-recorder.js';
import { LogRoom } from '../log-room.js';
import { type Judged, KeyVerifier, type VerifyCall } from './key-verifier.js';
import { type VerifyAnswer, verifyAnswer } from './verify-answer.js';
import { verifyRow } from './verify-event.js';

export type Answered = (error: unknown, answer: VerifyAnswer | undefined) => void;

/** Under which idempotency key an answer is kept. */
export interface KeepAs {
  readonly key: string;
  readonly requestHash: string;
  /** Ms from now. */
  readonly keepMs: number;
  /** Also the id of the request and of its event, which a node that takes over gives to the same ones. */
  readonly operation: string;
}

/** Of events that two nodes may both write: under one source and id they count once. */
const SOURCE_OF_ALL = 'keymeter/ingress';

/** A verification from judgement to durable answer: the event is in the log before the caller hears anything. */
@Injectable()
export class VerifyService {
  readonly #source: string;

  constructor(
    private readonly verifier: KeyVerifier,
    private readonly counters: Counters,
    private readonly recorder: UsageRecorder,
    private readonly room: LogRoom,
    private readonly metrics: IngressMetrics,
    node: NodeIdentity,
  ) {
    this.#source = `keymeter/ingress/${node.nodeId}`;
  }

  verify(call: VerifyCall, keepAs: KeepAs | undefined, answered: Answered): void {
    this.room.demand();
    const judged = this.verifier.judge(call, keepAs?.operation);
    if (judged instanceof Promise) {
      judged.then((it) => this.#record(call, it, keepAs, answered)).catch((error) => answered(error, undefined));
    } else this.#record(call, judged, keepAs, answered);
  }

  /** For a call that cannot be judged since `error`: by what was last known, or the error is its answer. */
  verifyUnverified(call: VerifyCall, error: unknown, answered: Answered): void {
    this.room.demand();
    this.#record(call, this.verifier.judgeUnverified(call, error), undefined, answered);
  }

  #record(call: VerifyCall, judged: Judged, keepAs: KeepAs | undefined, answered: Answered): void {
    const { verdict, hash, now } = judged;
    const { request } = call;
    const id = keepAs?.operation ?? call.requestId;
    const started = this.metrics.sample();
    const answer = verifyAnswer(verdict, id, now);
    const charge =
      keepAs && !verdict.unverified ? { ...judged.charge, v: keptCharge(keepAs, answer, now) } : judged.charge;
    const keeping = charge?.v && { v: charge.v };
    if (keeping && this.counters.keepsByLog) this.counters.keep(keeping);
    const source = keepAs && !this.counters.keepsByLog ? SOURCE_OF_ALL : this.#source;
    const row = verifyRow({ id, source, time: now, request, hash, verdict, charge });
    this.recorder.record(row, 1, (error) => {
      if (error !== undefined) return this.#takeBack(charge, error, answered);
      this.metrics.verified(verdict);
      this.metrics.took(started);
      const kept = keeping && !this.counters.keepsByLog ? this.#keep(keeping) : undefined;
      if (kept) kept.then(() => answered(undefined, answer));
      else answered(undefined, answer);
    });
  }

  /** Never rejects: the verdict stands and its event is recorded; only a repeat of the call would be a new one. */
  #keep(charge: Charge): Promise<void> | undefined {
    const kept = this.counters.keep(charge);
    return kept instanceof Promise ? kept.catch(() => this.metrics.keptAnswerLost()) : undefined;
  }

  #takeBack(charge: Charge | undefined, error: unknown, answered: Answered): void {
    const undone = charge && this.counters.undo(charge);
    if (undone instanceof Promise) {
      undone.then(
        () => answered(error, undefined),
        (failure) => answered(failure, undefined),
      );
    } else answered(error, undefined);
  }
}

function keptCharge({ key, requestHash, keepMs }: KeepAs, answer: VerifyAnswer, now: number): NonNullable<Charge['v']> {
  return [key, requestHash, now + keepMs, JSON.stringify(answer)];
}
