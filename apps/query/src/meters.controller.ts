import { randomBytes } from 'node:crypto';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, UseGuards } from '@nestjs/common';
import { z } from 'zod';
import {
  changeMeter,
  createMeter,
  type Meter,
  type MeterChange,
  type MeterDefinition,
  meterChange,
  meterDefinition,
} from '#domain/meters/meter.js';
import { ulid } from '#domain/meters/ulid.js';
import { Clock } from '#ports/clock.js';
import { MeterStore } from '#ports/meter-store.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { meterDocument } from './meter-document.js';
import { MeterFinder, meterNotFound } from './meter-finder.js';
import { parseParameters } from './request-query.js';

const ORDERS = {
  key: 'slug',
  slug: 'slug',
  name: 'name',
  aggregation: 'aggregation',
  createdAt: 'createdAt',
  updatedAt: 'updatedAt',
} as const;

export const meterListing = z.object({
  page: z.coerce.number().int().min(1).max(1_000_000).optional(),
  pageSize: z.coerce.number().int().min(1).max(1_000).optional(),
  orderBy: z.enum(Object.keys(ORDERS) as [keyof typeof ORDERS]).default('key'),
  order: z.enum(['ASC', 'DESC']).default('ASC'),
  includeDeleted: z.enum(['true', 'false']).default('false'),
});

@Controller('api/v1/meters')
@UseGuards(RootKeyGuard)
export class MetersController {
  constructor(
    private readonly meters: MeterStore,
    private readonly finder: MeterFinder,
    private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(200)
  @Requires('meter.create_meter')
  async create(@Body({ schema: meterDefinition }) definition: MeterDefinition): Promise<object> {
    const now = this.clock.now();
    const meter = createMeter(definition, ulid(now, randomBytes(16)), now);
    const outcome = await this.meters.create(meter);
    if (outcome === 'slug_taken') throw conflict('data/meter_exists', 'meter with the same slug already exists');
    if (outcome === 'full') throw conflict('data/too_many_meters', 'the number of meters is at its limit');
    return meterDocument(meter);
  }

  @Get()
  @Requires('meter.read_meter')
  async list(@Query() query: unknown): Promise<object[]> {
    const { page, pageSize = 1_000, orderBy, order, includeDeleted } = parseParameters(meterListing, query);
    const meters = await this.meters.list({ includeDeleted: includeDeleted === 'true' });
    const sorted = meters.sort((a, b) => compare(a, b, ORDERS[orderBy]) * (order === 'DESC' ? -1 : 1));
    const first = ((page ?? 1) - 1) * pageSize;
    return sorted.slice(first, first + pageSize).map(meterDocument);
  }

  @Get(':idOrSlug')
  @Requires('meter.read_meter')
  async find(@Param('idOrSlug') idOrSlug: string): Promise<object> {
    return meterDocument(await this.finder.find(idOrSlug));
  }

  @Put(':idOrSlug')
  @Requires('meter.update_meter')
  async update(
    @Param('idOrSlug') idOrSlug: string,
    @Body({ schema: meterChange }) change: MeterChange,
  ): Promise<object> {
    const { id, valueProperty } = await this.finder.findLiving(idOrSlug);
    if (Object.values(change.groupBy ?? {}).some((path) => path === valueProperty)) {
      throw new HttpProblem(400, 'application/invalid_input', 'groupBy: a path must differ from valueProperty');
    }
    const changed = await this.meters.update(id, (meter) => changeMeter(meter, change, this.clock.now()));
    if (!changed) throw meterNotFound(idOrSlug);
    return meterDocument(changed);
  }

  @Delete(':idOrSlug')
  @HttpCode(204)
  @Requires('meter.delete_meter')
  async remove(@Param('idOrSlug') idOrSlug: string): Promise<void> {
    const { id } = await this.finder.find(idOrSlug);
    await this.meters.remove(id, this.clock.now());
  }
}

function conflict(code: string, detail: string): HttpProblem {
  return new HttpProblem(409, code, detail);
}

function compare(a: Meter, b: Meter, by: (typeof ORDERS)[keyof typeof ORDERS]): number {
  const [left, right] = [a[by], b[by]];
  if (left !== right) return left < right ? -1 : 1;
  return a.slug < b.slug ? -1 : 1;
}
