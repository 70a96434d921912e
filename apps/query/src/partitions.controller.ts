import { Body, Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { z } from 'zod';
import { MAX_PARTITIONS } from '#domain/log/partition-growth.js';
import { LogPartitions, type LogPartitionsState } from '#ports/log-partitions.js';
import { HttpProblem, invalidInput } from '#runtime/http/http-problem.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { RootKeyGuard } from '#runtime/http/root-key.guard.js';

export const raiseSchema = z.strictObject({ partitions: z.int().min(1).max(MAX_PARTITIONS) });
type RaiseInput = z.output<typeof raiseSchema>;

/** How many partitions the event log has, and raising their number. */
@Controller('api/v1/partitions')
@UseGuards(RootKeyGuard)
export class PartitionsController {
  constructor(private readonly log: LogPartitions) {}

  @Get()
  @Requires('log.read_partitions')
  read(): Promise<LogPartitionsState> {
    return this.log.state();
  }

  @Post()
  @HttpCode(200)
  @Requires('log.raise_partitions')
  async raise(@Body({ schema: raiseSchema }) { partitions }: RaiseInput): Promise<LogPartitionsState> {
    const outcome = await this.log.raise(partitions);
    if (outcome.ok) return outcome.state;
    if (outcome.fault === 'moving') throw new HttpProblem(409, 'keymeter/partitions_moving', outcome.detail);
    throw invalidInput(outcome.detail, [{ location: '/partitions', message: 'not possible' }]);
  }
}
