/** The two ends of the audit trail in one process: who links rows, and who verifies links. */
import type { AuditHeads, AuditTrail } from '#ports/audit-trail.js';
import type { Clock } from '#ports/clock.js';
import { type AuditVerificationOptions, chainName, StoredAuditVerification } from '#stream/audit-verification.js';
import { AuditChainOutlet } from './audit-chain-outlet.js';

export class AuditChains {
  readonly verification: StoredAuditVerification;

  constructor(
    private readonly trail: AuditTrail,
    private readonly heads: AuditHeads,
    clock: Clock,
    private readonly options: AuditVerificationOptions,
  ) {
    this.verification = new StoredAuditVerification(trail, heads, clock, options);
  }

  outlet(partition: number, from: number): AuditChainOutlet {
    return new AuditChainOutlet(this.trail, this.heads, {
      partition,
      name: chainName(this.options.logId, partition),
      from,
    });
  }
}
