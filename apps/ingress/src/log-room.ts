import { Injectable } from '@nestjs/common';
import { EventLogWriter } from '#ports/event-log.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { UsageRecorder } from '#stream/usage-recorder.js';

const MAX_PENDING_ROWS = 200_000;

/** Asked before anything is charged: what cannot be written down must not be charged. */
@Injectable()
export class LogRoom {
  constructor(
    private readonly log: EventLogWriter,
    private readonly recorder: UsageRecorder,
  ) {}

  /** Throws 503 with Retry-After. */
  demand(): void {
    const refusal = this.log.refusal();
    if (refusal) throw unavailable(refusal.code.toLowerCase(), refusal.detail);
    if (this.recorder.pendingRows < MAX_PENDING_ROWS) return;
    throw unavailable('overloaded', 'Too many events are waiting to be written; repeat it later.');
  }
}

function unavailable(reason: string, detail: string): HttpProblem {
  return new HttpProblem(503, `keymeter/${reason}`, detail, { headers: { 'Retry-After': '1' } });
}
