import type { Database, RootDatabase } from 'lmdb';
import type { WebhookEndpoint } from '#domain/webhooks/webhook-endpoint.js';
import { byCreation, MAX_ENDPOINTS, WebhookEndpointStore } from '#ports/webhook-endpoint-store.js';
import { commit } from './commit.js';

/** Of the main thread only. */
export class LmdbWebhookEndpointStore extends WebhookEndpointStore {
  readonly #endpoints: Database<WebhookEndpoint, string>;

  constructor(
    private readonly root: RootDatabase,
    private readonly maxEndpoints = MAX_ENDPOINTS,
  ) {
    super();
    this.#endpoints = root.openDB<WebhookEndpoint, string>({ name: 'webhooks', encoding: 'json' });
  }

  create(endpoint: WebhookEndpoint): Promise<'created' | 'full'> {
    return commit(this.root, () => {
      if (this.#endpoints.getKeysCount() >= this.maxEndpoints) return 'full';
      this.#endpoints.put(endpoint.id, endpoint);
      return 'created';
    });
  }

  async find(id: string): Promise<WebhookEndpoint | undefined> {
    return this.#endpoints.get(id);
  }

  async list(): Promise<WebhookEndpoint[]> {
    return [...this.#endpoints.getRange()].map(({ value }) => value).sort(byCreation);
  }

  update(
    id: string,
    change: (endpoint: WebhookEndpoint) => WebhookEndpoint | undefined,
  ): Promise<WebhookEndpoint | undefined> {
    return commit(this.root, () => {
      const before = this.#endpoints.get(id);
      const after = before && change(before);
      if (after) this.#endpoints.put(id, after);
      return after;
    });
  }

  remove(id: string): Promise<boolean> {
    return commit(this.root, () => {
      if (!this.#endpoints.doesExist(id)) return false;
      this.#endpoints.remove(id);
      return true;
    });
  }
}
