import { Controller, UseFilters } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { FailurePasses } from '#runtime/failure-passes.js';
import { FRAMES_DECIDED } from '#runtime/frame-transport.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import { FateBook } from '#stream/fate-book.js';

/** Lets waiting senders know what became of their events. */
@Controller()
@UseFilters(FailurePasses)
export class FatesController {
  constructor(private readonly fates: FateBook) {}

  @EventPattern(FRAMES_DECIDED)
  take(@Payload() frames: readonly DecidedFrame[]): Promise<void> {
    return this.fates.take(frames);
  }
}
