import type { WebhookEndpoint } from '#domain/webhooks/webhook-endpoint.js';
import { byCreation, MAX_ENDPOINTS, WebhookEndpointStore } from '#ports/webhook-endpoint-store.js';
import { type RedisKeyDirectory, untilDone } from './redis-key-directory.js';
import type { RedisKeyWriter } from './redis-key-writer.js';

/** Endpoints in the directory: the log of keys brings them back. */
export class RedisWebhookEndpointStore extends WebhookEndpointStore {
  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly writer: RedisKeyWriter,
    private readonly maxEndpoints = MAX_ENDPOINTS,
  ) {
    super();
  }

  async create(endpoint: WebhookEndpoint): Promise<'created' | 'full'> {
    const { done } = await this.writer.write([
      ['room', 'webhooks', String(this.maxEndpoints)],
      ['set', 'webhooks', endpoint.id, JSON.stringify(endpoint)],
    ]);
    return done ? 'created' : 'full';
  }

  find(id: string): Promise<WebhookEndpoint | undefined> {
    return this.directory.find<WebhookEndpoint>('webhooks', id);
  }

  async list(): Promise<WebhookEndpoint[]> {
    const texts = await this.directory.values('webhooks');
    return texts.map((text) => JSON.parse(text) as WebhookEndpoint).sort(byCreation);
  }

  update(
    id: string,
    change: (endpoint: WebhookEndpoint) => WebhookEndpoint | undefined,
  ): Promise<WebhookEndpoint | undefined> {
    return untilDone<WebhookEndpoint | undefined>(async () => {
      const [stored] = await this.directory.fetch([['webhooks', id]]);
      const after = stored === undefined ? undefined : change(JSON.parse(stored) as WebhookEndpoint);
      if (stored === undefined || after === undefined) return undefined;
      const { done } = await this.writer.write([
        ['is', 'webhooks', id, stored],
        ['set', 'webhooks', id, JSON.stringify(after)],
      ]);
      return done ? after : 'overtaken';
    });
  }

  remove(id: string): Promise<boolean> {
    return untilDone<boolean>(async () => {
      const [stored] = await this.directory.fetch([['webhooks', id]]);
      if (stored === undefined) {
        await this.writer.settled('webhook', id);
        return false;
      }
      const { done } = await this.writer.write([
        ['is', 'webhooks', id, stored],
        ['del', 'webhooks', id],
      ]);
      return done ? true : 'overtaken';
    });
  }
}
