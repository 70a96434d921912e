import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { FailurePasses } from '#runtime/failure-passes.js';
import { FRAMES_DECIDED } from '#runtime/frame-transport.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import { PolicyRunner } from './policy-runner.js';

@Controller()
@UseFilters(FailurePasses)
export class PolicyFramesController {
  constructor(private readonly runner: PolicyRunner) {}

  @EventPattern(FRAMES_DECIDED)
  take(@Payload() frames: readonly DecidedFrame[]): Promise<void> {
    return this.runner.take(frames);
  }
}
