import { Controller, Get, Query, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { type StoredDeadLetter, UsageReader } from '#ports/usage-reader.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { Freshness } from './freshness.js';
import { parsePositionCursor, positionCursor } from './list-cursor.js';
import { parseParameters, type RawQuery } from './request-query.js';
import { answered } from './too-large.js';

export const deadLetterListing = z.object({
  reason: z.enum(['undecodable', 'conflict']).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(100),
  cursor: z.string().optional(),
});

@Controller('api/v1/dead-letters')
@UseGuards(RootKeyGuard)
export class DeadLettersController {
  constructor(
    private readonly usage: UsageReader,
    private readonly freshness: Freshness,
  ) {}

  @Get()
  @Requires('dead_letter.read_dead_letter')
  async list(@Query() raw: RawQuery, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const { reason, limit, cursor } = parseParameters(deadLetterListing, raw);
    const after = cursor === undefined ? undefined : parsePositionCursor(cursor);
    await this.freshness.settle(reply, raw.waitFor);
    const letters = await answered(this.usage.deadLetters({ reason, after, limit }));
    const last = letters.length === limit ? letters.at(-1) : undefined;
    return { items: letters.map(deadLetterDocument), nextCursor: last ? positionCursor(last) : undefined };
  }
}

function deadLetterDocument(letter: StoredDeadLetter): object {
  const { partition, offset, index, reason, detail, source, id, acceptedAt, bytesBase64 } = letter;
  return {
    position: `${partition}:${offset}:${index}`,
    reason,
    detail,
    source,
    id,
    acceptedAt: new Date(acceptedAt).toISOString(),
    bytes: bytesBase64,
  };
}
