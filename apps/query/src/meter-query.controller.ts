import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Meter } from '#domain/meters/meter.js';
import type { Field, UsageQuery, UsageRow } from '#domain/meters/usage-query.js';
import { fillZeros } from '#domain/meters/zero-fill.js';
import { instant } from '#domain/time/instant.js';
import { DAY_MS, windowStart } from '#domain/time/time-window.js';
import { Clock } from '#ports/clock.js';
import { UsageReader } from '#ports/usage-reader.js';
import { invalidInput } from '#runtime/http/http-problem.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { Freshness } from './freshness.js';
import { MeterFinder } from './meter-finder.js';
import { csvAnswer, jsonAnswer, wantsCsv } from './meter-query-answer.js';
import {
  fromQueryString,
  groupField,
  MAX_WINDOWS,
  type MeterQuery,
  meterQuery,
  usageQuery,
} from './meter-query-request.js';
import { parseParameters, type RawQuery } from './request-query.js';
import { answered } from './too-large.js';

export const timeRange = z.object({ from: instant.optional(), to: instant.optional() });

@Controller('api/v1/meters/:idOrSlug')
@UseGuards(RootKeyGuard)
export class MeterQueryController {
  constructor(
    private readonly finder: MeterFinder,
    private readonly usage: UsageReader,
    private readonly freshness: Freshness,
    private readonly clock: Clock,
  ) {}

  @Get('query')
  @Requires('usage.read_usage')
  async query(
    @Param('idOrSlug') idOrSlug: string,
    @Query() raw: RawQuery,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const meter = await this.finder.findLiving(idOrSlug);
    const asked = parseParameters(meterQuery, fromQueryString(raw));
    return this.#answer(meter, asked, raw.waitFor, accept, reply);
  }

  @Post('query')
  @HttpCode(200)
  @Requires('usage.read_usage')
  async queryPost(
    @Param('idOrSlug') idOrSlug: string,
    @Body() body: unknown,
    @Query() raw: RawQuery,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const meter = await this.finder.findLiving(idOrSlug);
    // Not by the schema pipe: it drops members such as `constructor`, and a filter that is dropped is no filter.
    const asked = parseParameters(meterQuery, body ?? {});
    return this.#answer(meter, asked, raw.waitFor, accept, reply);
  }

  @Get('group-by/:key/values')
  @Requires('usage.read_usage')
  async groupByValues(
    @Param('idOrSlug') idOrSlug: string,
    @Param('key') key: string,
    @Query() raw: RawQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string[]> {
    const meter = await this.finder.findLiving(idOrSlug);
    const field: Field = key === 'subject' ? { column: 'subject' } : groupField(meter, key, 'group by');
    // On a whole minute, so that rollups can answer.
    const dayAgo = windowStart(this.clock.now() - DAY_MS, 'MINUTE');
    return this.#values(meter, field, { from: dayAgo, ...parseParameters(timeRange, raw) }, raw, reply);
  }

  @Get('subjects')
  @Requires('usage.read_usage')
  async subjects(
    @Param('idOrSlug') idOrSlug: string,
    @Query() raw: RawQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string[]> {
    const meter = await this.finder.findLiving(idOrSlug);
    return this.#values(meter, { column: 'subject' }, parseParameters(timeRange, raw), raw, reply);
  }

  async #values(
    meter: Meter,
    field: Field,
    { from = meter.eventFrom, to }: z.infer<typeof timeRange>,
    raw: RawQuery,
    reply: FastifyReply,
  ): Promise<string[]> {
    if (from !== undefined && to !== undefined && from >= to) throw invalidInput('from must be before to');
    await this.freshness.settle(reply, raw.waitFor);
    const later = Math.max(from ?? 0, meter.eventFrom ?? 0);
    const scope = { eventType: meter.eventType, from: from === undefined ? undefined : later, to, conditions: [] };
    return answered(this.usage.values(scope, field));
  }

  async #answer(
    meter: Meter,
    asked: MeterQuery,
    waitFor: string | string[] | undefined,
    accept: string | undefined,
    reply: FastifyReply,
  ): Promise<object> {
    const query = usageQuery(meter, asked);
    await this.freshness.settle(reply, waitFor);
    const rows = filled(asked, query, await answered(this.usage.usage(query)));
    reply.header('Vary', 'Accept');
    if (!wantsCsv(accept)) return jsonAnswer(asked, query, rows);
    reply.header('Content-Type', 'text/csv').header('Content-Disposition', `attachment; filename=${meter.slug}.csv`);
    // As bytes: Fastify adds a charset to text, and clients compare the type literally.
    return Buffer.from(csvAnswer(asked, query, rows));
  }
}

function filled(asked: MeterQuery, query: UsageQuery, rows: UsageRow[]): UsageRow[] {
  const { from, to } = asked;
  if (!asked.fill || typeof from !== 'number' || typeof to !== 'number') return rows;
  const all = fillZeros({ ...query, from, to }, rows, MAX_WINDOWS);
  if (!all)
    throw invalidInput(`windows times groups are more than ${MAX_WINDOWS}: ask for a shorter time or fewer groups`);
  return all;
}
