import { Body, Controller, Get, HttpCode, Param, Post, Query, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { formatPlace } from '#domain/log/position.js';
import { type StoredDeadLetter, UsageReader } from '#ports/usage-reader.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { type RequestWithRootKey, RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { Freshness } from '../freshness.js';
import { parsePositionCursor, positionCursor } from '../list-cursor.js';
import { parseParameters, type RawQuery } from '../request-query.js';
import { answered } from '../too-large.js';
import { DeadLetterDesk, type Settled } from './dead-letter-desk.js';
import {
  type DropInput,
  deadLetterListing,
  dropSchema,
  placeOf,
  type ReplayInput,
  replaySchema,
} from './dead-letter-request.js';

@Controller('api/v1/dead-letters')
@UseGuards(RootKeyGuard)
export class DeadLettersController {
  constructor(
    private readonly usage: UsageReader,
    private readonly desk: DeadLetterDesk,
    private readonly freshness: Freshness,
  ) {}

  @Get()
  @Requires('dead_letter.read_dead_letter')
  async list(@Query() raw: RawQuery, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const { reason, state, limit, cursor } = parseParameters(deadLetterListing, raw);
    const after = cursor === undefined ? undefined : parsePositionCursor(cursor);
    await this.freshness.settle(reply, raw.waitFor);
    const letters = await answered(this.usage.deadLetters({ reason, state, after, limit }));
    const last = letters.length === limit ? letters.at(-1) : undefined;
    return { items: letters.map(deadLetterDocument), nextCursor: last ? positionCursor(last) : undefined };
  }

  @Get(':position')
  @Requires('dead_letter.read_dead_letter')
  async find(@Param('position') position: string): Promise<object> {
    return deadLetterDocument(await this.desk.find(placeOf(position)));
  }

  @Post(':position/replay')
  @HttpCode(200)
  @Requires('dead_letter.replay_dead_letter')
  async replay(
    @Param('position') position: string,
    @Body({ schema: replaySchema }) input: ReplayInput,
    @Req() request: RequestWithRootKey,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const settled = await this.desk.replay(placeOf(position), input, request.rootKey.id);
    if (settled.position !== undefined) reply.header('KeyMeter-Position', settled.position);
    return settledDocument(settled);
  }

  @Post(':position/drop')
  @HttpCode(200)
  @Requires('dead_letter.drop_dead_letter')
  async drop(
    @Param('position') position: string,
    @Body({ schema: dropSchema }) { reason }: DropInput,
    @Req() request: RequestWithRootKey,
  ): Promise<object> {
    return settledDocument(await this.desk.drop(placeOf(position), reason, request.rootKey.id));
  }
}

function settledDocument({ letter, events }: Settled): object {
  return { ...deadLetterDocument(letter), events };
}

function deadLetterDocument(letter: StoredDeadLetter): object {
  const { reason, detail, source, id, acceptedAt, storedAt, bytesBase64, state, settled } = letter;
  return {
    position: formatPlace(letter),
    state,
    reason,
    detail,
    source,
    id,
    acceptedAt: new Date(acceptedAt).toISOString(),
    storedAt: new Date(storedAt).toISOString(),
    bytes: bytesBase64,
    settled: settled && { at: new Date(settled.at).toISOString(), by: settled.by, note: settled.note },
  };
}
