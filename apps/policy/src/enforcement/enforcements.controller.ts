import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req, UseGuards } from '@nestjs/common';
import type { z } from 'zod';
import type { Enforcement } from '#domain/policies/enforcement.js';
import type { Explanation } from '#domain/policies/explanation/explanation.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { type RequestWithRootKey, RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { BulkLift, type LiftedMany } from './bulk-lift.js';
import { EnforcementDesk, type EnforcementPage, type ExplainedEnforcement, notFound } from './enforcement-desk.js';
import {
  type BulkLiftInput,
  bulkLiftSchema,
  type EnforcementQuery,
  enforcementQuerySchema,
  explanationQuerySchema,
  type LiftInput,
  liftSchema,
  targetOf,
} from './enforcement-query.js';
import { ExplanationDesk } from './explanation-desk.js';

@Controller('api/v1/enforcements')
@UseGuards(RootKeyGuard)
export class EnforcementsController {
  constructor(
    private readonly desk: EnforcementDesk,
    private readonly explanations: ExplanationDesk,
    private readonly lifts: BulkLift,
  ) {}

  @Get()
  @Requires('policy.read_enforcement')
  list(@Query({ schema: enforcementQuerySchema }) query: EnforcementQuery): Promise<EnforcementPage> {
    return this.desk.list(query);
  }

  @Get(':id')
  @Requires('policy.read_enforcement')
  explain(@Param('id') id: string): Promise<ExplainedEnforcement> {
    return this.desk.explain(id);
  }

  /** Made anew from the stored events. */
  @Get(':id/explanation')
  @Requires('policy.read_enforcement')
  async derive(
    @Param('id') id: string,
    @Query({ schema: explanationQuerySchema }) { events }: z.output<typeof explanationQuerySchema>,
  ): Promise<Explanation> {
    return (await this.explanations.explain(id, { isOperator: true, events })) ?? notFound(id);
  }

  /** Those that hold now and pass the filters; 1,000 a call. */
  @Post('lift')
  @HttpCode(200)
  @Requires('policy.lift_enforcement')
  async liftMany(
    @Body({ schema: bulkLiftSchema }) { reason, ...query }: BulkLiftInput,
    @Req() request: RequestWithRootKey,
  ): Promise<LiftedMany> {
    const policyId = query.policyId ?? (await this.desk.policyId(query.policy));
    return this.lifts.lift({ policyId, ...targetOf(query) }, request.rootKey.id, reason);
  }

  @Delete(':id')
  @Requires('policy.lift_enforcement')
  lift(
    @Param('id') id: string,
    @Body({ schema: liftSchema }) { reason }: LiftInput,
    @Req() request: RequestWithRootKey,
  ): Promise<Enforcement> {
    return this.desk.lift(id, request.rootKey.id, reason);
  }
}
