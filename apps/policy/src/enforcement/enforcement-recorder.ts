import { Injectable } from '@nestjs/common';
import { hash53, identityHash } from '#domain/events/hash53.js';
import type { UsageEvent } from '#domain/events/usage-event.js';
import type { Enforcement } from '#domain/policies/enforcement.js';
import { changeEvent, ENFORCEMENT_MADE, POLICY_SOURCE } from '#domain/policies/policy-change.js';
import { Clock } from '#ports/clock.js';
import { EnforcementOutbox } from '#ports/enforcement-outbox.js';
import { EnforcementSink } from '#ports/enforcement-sink.js';
import { EnforcementStore } from '#ports/enforcement-store.js';
import { AuditLog } from '../audit/audit-log.js';
import { PolicyMetrics } from './policy-metrics.js';

const OUTBOX_PAGE = 500;

/**
 * Puts a decision into the store, where every verification sees it, and its audit row into the log. The row's id and
 * bytes follow from the enforcement: one written twice around a crash counts once.
 */
@Injectable()
export class EnforcementRecorder extends EnforcementSink {
  constructor(
    private readonly store: EnforcementStore,
    private readonly outbox: EnforcementOutbox,
    private readonly log: AuditLog,
    private readonly clock: Clock,
    private readonly metrics: PolicyMetrics,
  ) {
    super();
  }

  async enforce(enforcement: Enforcement): Promise<'created' | 'known'> {
    const outcome = await this.store.enforce(enforcement);
    if (outcome === 'created') this.metrics.enforced(enforcement, this.clock.now());
    if (outcome === 'created' || (await this.outbox.isUnrecorded(enforcement.id))) await this.#record(enforcement);
    return outcome;
  }

  /** Writes the rows that a crash has left out. Call at start. */
  async recover(): Promise<void> {
    for (;;) {
      const left = await this.outbox.unrecorded(OUTBOX_PAGE);
      await Promise.all(left.map((enforcement) => this.#record(enforcement)));
      if (left.length < OUTBOX_PAGE) return;
    }
  }

  async #record(enforcement: Enforcement): Promise<void> {
    await this.log.append(auditEvent(enforcement));
    await this.outbox.recorded(enforcement.id);
  }
}

function auditEvent(enforcement: Enforcement): UsageEvent {
  const { lifted: _lifted, obeyedAt: _obeyedAt, ...made } = enforcement;
  const row = changeEvent(ENFORCEMENT_MADE, made.id, made.target.value, made.begin, made);
  return { ...row, idHash: identityHash(POLICY_SOURCE, made.id), fingerprint: hash53(made.id) };
}
