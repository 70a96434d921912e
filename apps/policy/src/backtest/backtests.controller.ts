import { Body, Controller, Delete, Get, HttpCode, Param, Post, UseGuards } from '@nestjs/common';
import { type BacktestRequest, backtestRequestSchema } from '#domain/policies/backtest/backtest-request.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { BacktestDesk, type BacktestState } from './backtest-desk.js';

@Controller('api/v1/policies/backtests')
@UseGuards(RootKeyGuard)
export class BacktestsController {
  constructor(private readonly desk: BacktestDesk) {}

  @Post()
  @HttpCode(202)
  @Requires('policy.write_policy')
  start(@Body({ schema: backtestRequestSchema }) request: BacktestRequest): Promise<BacktestState> {
    return this.desk.start(request);
  }

  @Get()
  @Requires('policy.read_policy')
  list(): { items: BacktestState[] } {
    return { items: this.desk.list() };
  }

  @Get(':id')
  @Requires('policy.read_policy')
  find(@Param('id') id: string): BacktestState {
    return this.desk.find(id);
  }

  @Delete(':id')
  @HttpCode(204)
  @Requires('policy.write_policy')
  cancel(@Param('id') id: string): void {
    this.desk.cancel(id);
  }
}
