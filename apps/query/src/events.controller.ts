import { Controller, Get, Query, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { eventFault } from '#domain/meters/event-fault.js';
import type { Meter } from '#domain/meters/meter.js';
import { formatSeconds } from '#domain/time/instant.js';
import { Clock } from '#ports/clock.js';
import { MeterStore } from '#ports/meter-store.js';
import { type EventListing, type StoredEvent, UsageReader } from '#ports/usage-reader.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { parseListV1, parseListV2 } from './event-request.js';
import { Freshness } from './freshness.js';
import { eventCursor } from './list-cursor.js';
import type { RawQuery } from './request-query.js';
import { answered } from './too-large.js';

@Controller('api')
@UseGuards(RootKeyGuard)
export class EventsController {
  constructor(
    private readonly usage: UsageReader,
    private readonly meters: MeterStore,
    private readonly freshness: Freshness,
    private readonly clock: Clock,
  ) {}

  @Get('v1/events')
  @Requires('event.read_event')
  async list(@Query() raw: RawQuery, @Res({ passthrough: true }) reply: FastifyReply): Promise<object[]> {
    const { items } = await this.#page(parseListV1(raw, this.clock.now()), raw, reply);
    return items;
  }

  @Get('v2/events')
  @Requires('event.read_event')
  async listV2(@Query() raw: RawQuery, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    return this.#page(parseListV2(raw), raw, reply);
  }

  async #page(listing: EventListing, raw: RawQuery, reply: FastifyReply) {
    await this.freshness.settle(reply, raw.waitFor);
    const events = await answered(this.usage.events(listing));
    const meters = (await this.meters.list()).sort((a, b) => (a.slug < b.slug ? -1 : 1));
    const last = events.length === listing.limit ? events.at(-1) : undefined;
    return {
      items: events.map((event) => eventDocument(event, meters)),
      nextCursor: last ? eventCursor(placeOf(last)) : undefined,
    };
  }
}

function placeOf({ time, partition, offset, index }: StoredEvent) {
  return { time, partition, offset, index };
}

function eventDocument(event: StoredEvent, meters: readonly Meter[]): object {
  const { id, source, type, subject, time, data, acceptedAt } = event;
  const payload = data === null ? {} : { datacontenttype: 'application/json', data };
  return {
    event: { specversion: '1.0', id, source, type, subject, time: formatSeconds(time), ...payload },
    ingestedAt: new Date(acceptedAt).toISOString(),
    // Accepted events are durable in the log at once: that is when they were stored.
    storedAt: new Date(acceptedAt).toISOString(),
    validationError: eventFault(type, data, meters),
  };
}
