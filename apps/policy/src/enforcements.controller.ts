import { Body, Controller, Delete, Get, Param, Query, Req, UseGuards } from '@nestjs/common';
import type { Enforcement } from '#domain/policies/enforcement.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { type RequestWithRootKey, RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { EnforcementDesk, type EnforcementPage, type ExplainedEnforcement } from './enforcement-desk.js';
import { type EnforcementQuery, enforcementQuerySchema, type LiftInput, liftSchema } from './enforcement-query.js';

@Controller('api/v1/enforcements')
@UseGuards(RootKeyGuard)
export class EnforcementsController {
  constructor(private readonly desk: EnforcementDesk) {}

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
