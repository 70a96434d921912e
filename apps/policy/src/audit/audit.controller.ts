import { Controller, Get, Query, UseGuards } from '@nestjs/common';
import { parseRfc3339 } from '#domain/events/rfc3339.js';
import { Clock } from '#ports/clock.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { AuditVerification, type PartitionHead, type VerifiedPartition } from '#stream/audit-verification.js';
import { OneAtATime } from '../one-at-a-time.js';
import { type AuditQuery, auditQuerySchema, parseHeads } from './audit-query.js';

export interface VerificationDocument {
  readonly checkedAt: string;
  readonly whole: boolean;
  readonly partitions: readonly VerifiedPartition[];
}

/** Whether the trail of decisions, lifts and policy changes is as it was written. */
@Controller('api/v1/audit')
@UseGuards(RootKeyGuard)
export class AuditController {
  /** It reads a lot. */
  readonly #turns = new OneAtATime();

  constructor(
    private readonly verification: AuditVerification,
    private readonly clock: Clock,
  ) {}

  @Get('verification')
  @Requires('audit.read_audit')
  async verify(@Query({ schema: auditQuerySchema }) { from, heads }: AuditQuery): Promise<VerificationDocument> {
    const since = from === undefined ? undefined : parseRfc3339(from);
    const noted = (heads === undefined ? undefined : parseHeads(heads)) ?? [];
    const partitions = await this.#turns.run(() => this.verification.verify({ since, heads: noted }));
    const whole = partitions.every(({ fault }) => fault === undefined);
    return { checkedAt: new Date(this.clock.now()).toISOString(), whole, partitions };
  }

  @Get('head')
  @Requires('audit.read_audit')
  async head(): Promise<{ heads: readonly PartitionHead[] }> {
    return { heads: await this.verification.heads() };
  }
}
