import { Body, Controller, Delete, Get, Put, Req, UseGuards } from '@nestjs/common';
import { z } from 'zod';
import type { SwitchState } from '#ports/enforcement-switch.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { type RequestWithRootKey, RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { EnforcementPause } from './enforcement-pause.js';

export const pauseSchema = z.strictObject({ reason: z.string().trim().max(500).default('') });
type PauseInput = z.output<typeof pauseSchema>;

export interface PauseDocument {
  readonly paused: boolean;
  /** RFC 3339; absent where nobody has ever paused. */
  readonly since?: string;
  readonly by?: string;
  readonly reason?: string;
}

/** Whether policies act at all, for the whole installation. */
@Controller('api/v1/enforcement-pause')
@UseGuards(RootKeyGuard)
export class EnforcementPauseController {
  constructor(private readonly pauses: EnforcementPause) {}

  @Get()
  @Requires('policy.read_enforcement')
  async read(): Promise<PauseDocument> {
    const state = await this.pauses.state();
    return state ? documentOf(state) : { paused: false };
  }

  @Put()
  @Requires('policy.pause_enforcement')
  async pause(
    @Body({ schema: pauseSchema }) { reason }: PauseInput,
    @Req() request: RequestWithRootKey,
  ): Promise<PauseDocument> {
    return documentOf(await this.pauses.turn(true, request.rootKey.id, reason));
  }

  @Delete()
  @Requires('policy.pause_enforcement')
  async resume(
    @Body({ schema: pauseSchema }) { reason }: PauseInput,
    @Req() request: RequestWithRootKey,
  ): Promise<PauseDocument> {
    return documentOf(await this.pauses.turn(false, request.rootKey.id, reason));
  }
}

function documentOf({ isPaused: paused, at, by, reason }: SwitchState): PauseDocument {
  return { paused, since: new Date(at).toISOString(), by, reason };
}
