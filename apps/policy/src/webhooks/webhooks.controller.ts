import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, UseGuards } from '@nestjs/common';
import type { WebhookEndpoint } from '#domain/webhooks/webhook-endpoint.js';
import { Clock } from '#ports/clock.js';
import { WebhookDeliveryStore } from '#ports/webhook-delivery-store.js';
import { invalidInput } from '#runtime/http/http-problem.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { type Replayed, WebhookDesk } from './webhook-desk.js';
import {
  type DeliveryDocument,
  deliveryDocument,
  type WebhookDocument,
  type WebhookWithSecret,
  webhookDocument,
} from './webhook-document.js';
import {
  type DeliveryQuery,
  deliveryQuerySchema,
  type ReplayInput,
  type RotationInput,
  replaySchema,
  rotationSchema,
  type WebhookChangeInput,
  type WebhookInput,
  webhookChangeSchema,
  webhookInputSchema,
} from './webhook-request.js';

/** Where decisions, warnings and lifts are sent to. */
@Controller('api/v1/webhooks')
@UseGuards(RootKeyGuard)
export class WebhooksController {
  constructor(
    private readonly desk: WebhookDesk,
    private readonly deliveries: WebhookDeliveryStore,
    private readonly clock: Clock,
  ) {}

  @Post()
  @Requires('policy.write_webhook')
  async create(@Body({ schema: webhookInputSchema }) input: WebhookInput): Promise<WebhookWithSecret> {
    const { endpoint, secret } = await this.desk.create(input);
    return { ...this.#document(endpoint), secret };
  }

  @Get()
  @Requires('policy.read_webhook')
  async list(): Promise<{ items: readonly WebhookDocument[] }> {
    return { items: (await this.desk.list()).map((endpoint) => this.#document(endpoint)) };
  }

  @Get(':id')
  @Requires('policy.read_webhook')
  async find(@Param('id') id: string): Promise<WebhookDocument> {
    const endpoint = await this.desk.find(id);
    return webhookDocument(endpoint, this.clock.now(), await this.deliveries.tally(id));
  }

  @Patch(':id')
  @Requires('policy.write_webhook')
  async change(
    @Param('id') id: string,
    @Body({ schema: webhookChangeSchema }) change: WebhookChangeInput,
  ): Promise<WebhookDocument> {
    return this.#document(await this.desk.change(id, change));
  }

  /** What waits for it is not sent any more, and forgotten. */
  @Delete(':id')
  @HttpCode(204)
  @Requires('policy.write_webhook')
  remove(@Param('id') id: string): Promise<void> {
    return this.desk.remove(id);
  }

  @Post(':id/rotate-secret')
  @HttpCode(200)
  @Requires('policy.write_webhook')
  async rotate(
    @Param('id') id: string,
    @Body({ schema: rotationSchema }) { overlapSeconds }: RotationInput,
  ): Promise<WebhookWithSecret> {
    const { endpoint, secret } = await this.desk.rotate(id, overlapSeconds * 1000);
    return { ...this.#document(endpoint), secret };
  }

  @Post(':id/test')
  @HttpCode(202)
  @Requires('policy.write_webhook')
  async test(@Param('id') id: string): Promise<DeliveryDocument> {
    return deliveryDocument(await this.desk.test(id));
  }

  @Get(':id/deliveries')
  @Requires('policy.read_webhook')
  async listDeliveries(
    @Param('id') id: string,
    @Query({ schema: deliveryQuerySchema }) { state, limit, cursor }: DeliveryQuery,
  ): Promise<{ items: readonly DeliveryDocument[]; nextCursor?: string }> {
    await this.desk.find(id);
    const after = cursor === undefined ? undefined : placeOf(cursor, `${id} ${state} `);
    const { items, next } = await this.deliveries.list({ endpointId: id, state, limit, after });
    const nextCursor = next && Buffer.from(next).toString('base64url');
    return { items: items.map(deliveryDocument), ...(nextCursor ? { nextCursor } : {}) };
  }

  @Post(':id/replay')
  @HttpCode(202)
  @Requires('policy.write_webhook')
  async replay(
    @Param('id') id: string,
    @Body({ schema: replaySchema }) { delivery, since = '' }: ReplayInput,
  ): Promise<Replayed> {
    if (delivery === undefined) return this.desk.replaySince(id, Date.parse(since));
    await this.desk.replayOne(id, delivery);
    return { replayed: 1, added: 0, more: false };
  }

  #document(endpoint: WebhookEndpoint): WebhookDocument {
    return webhookDocument(endpoint, this.clock.now());
  }
}

function placeOf(cursor: string, start: string): string {
  const place = Buffer.from(cursor, 'base64url').toString('latin1');
  if (place.startsWith(start)) return place;
  throw invalidInput('The cursor is of no page.', [{ location: '/cursor', message: 'is not one of this list' }]);
}
