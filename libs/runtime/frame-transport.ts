/** What Nest transports over an event log share: how decided frames reach the handlers. */
import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import type { DecidedFrame } from '#stream/decided-frame.js';

export const FRAMES_DECIDED = 'keymeter.frames.decided';

export abstract class FrameTransport extends Server implements CustomTransportStrategy {
  on(): never {
    throw new Error('a transport of frames has no events of its own');
  }

  /** Resolves when every handler of FRAMES_DECIDED has taken the frames: one that takes its time holds its partition. */
  protected async deliver(frames: readonly DecidedFrame[]): Promise<void> {
    // Nest itself passes an event on to further handlers of the pattern.
    const handler = this.messageHandlers.get(FRAMES_DECIDED);
    if (!handler) throw new Error('no handler takes the decided frames');
    const result = await handler(frames);
    await lastValueFrom(this.transformToObservable(result), { defaultValue: undefined });
  }
}
