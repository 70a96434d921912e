import { changedEndpoint, newEndpoint, type WebhookEndpoint } from '#domain/webhooks/webhook-endpoint.js';
import type { WebhookEndpointStore } from '#ports/webhook-endpoint-store.js';

export interface OpenEndpointStore {
  /** With room for three. */
  readonly store: WebhookEndpointStore;
  reopen(): Promise<OpenEndpointStore>;
  close(): Promise<void>;
}

export const endpointOf = (id: string, at = 1): WebhookEndpoint =>
  newEndpoint(id, { url: `https://example.com/${id}` }, 'whsec_c2VjcmV0', at);

export function describeWebhookEndpointStore(name: string, open: () => Promise<OpenEndpointStore>): void {
  describe(`webhook endpoint store: ${name}`, () => {
    let opened: OpenEndpointStore;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.close());

    test('endpoints are listed by creation and found, also after the store was closed and opened', async () => {
      for (const [id, at] of [
        ['wh_b', 1],
        ['wh_c', 3],
        ['wh_a', 2],
      ] as const) {
        expect(await opened.store.create(endpointOf(id, at))).toBe('created');
      }
      opened = await opened.reopen();
      expect((await opened.store.list()).map(({ id }) => id)).toEqual(['wh_b', 'wh_a', 'wh_c']);
      expect(await opened.store.find('wh_a')).toEqual(endpointOf('wh_a', 2));
      expect(await opened.store.find('wh_no')).toBeUndefined();
      expect(await opened.store.create(endpointOf('wh_d'))).toBe('full');
      expect(await opened.store.list()).toHaveLength(3);
    });

    test('changes at the same moment are all there in the end', async () => {
      const { store } = opened;
      await store.create(endpointOf('wh_a'));
      const changes = [{ description: 'ours' }, { url: 'https://example.com/new' }, { enabled: false }];
      await Promise.all(changes.map((change) => store.update('wh_a', (it) => changedEndpoint(it, change, 5))));
      expect(await store.find('wh_a')).toMatchObject({
        description: 'ours',
        url: 'https://example.com/new',
        disabled: { at: 5, reason: 'operator' },
      });
    });

    test('a change of which nothing was made, and one of an endpoint that is not there, change nothing', async () => {
      const { store } = opened;
      await store.create(endpointOf('wh_a'));
      expect(await store.update('wh_a', () => undefined)).toBeUndefined();
      expect(await store.update('wh_no', (it) => it)).toBeUndefined();
      expect(await store.list()).toEqual([endpointOf('wh_a')]);
    });

    test('what was removed is gone, and removed once', async () => {
      const { store } = opened;
      await store.create(endpointOf('wh_a'));
      expect([await store.remove('wh_a'), await store.remove('wh_a')]).toEqual([true, false]);
      opened = await opened.reopen();
      expect(await opened.store.list()).toEqual([]);
    });
  });
}
