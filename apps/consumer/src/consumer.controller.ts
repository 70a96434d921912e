import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { FailurePasses } from '#runtime/failure-passes.js';
import { FRAMES_DECIDED } from '#runtime/frame-transport.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import { UsageSink } from './usage-sink.js';

@Controller()
@UseFilters(FailurePasses)
export class ConsumerController {
  constructor(private readonly writer: UsageSink) {}

  @EventPattern(FRAMES_DECIDED)
  async take(@Payload() frames: readonly DecidedFrame[]): Promise<void> {
    const start = this.writer.startOffset(frames[0]?.partition ?? 0);
    await this.writer.take(frames.filter((frame) => frame.offset >= start));
  }
}
