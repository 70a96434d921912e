import { claimed, newDelivery, settled, type WebhookDelivery } from '#domain/webhooks/webhook-delivery.js';
import type { WebhookDeliveryStore } from '#ports/webhook-delivery-store.js';

export interface OpenDeliveryStore {
  /** With room for three that wait for one endpoint. */
  readonly store: WebhookDeliveryStore;
  /** Another process on the same data, where there can be one. */
  readonly other?: WebhookDeliveryStore;
  reopen(): Promise<OpenDeliveryStore>;
  close(): Promise<void>;
}

const T = 1_000_000;
const deliveryOf = (message: string, at = T, endpointId = 'wh_1'): WebhookDelivery =>
  newDelivery({ id: message, type: 'enforcement.begun', body: `{"of":"${message}"}` }, endpointId, at);
const delivered = (it: WebhookDelivery, at: number) => settled(it, { status: 200 }, at, 0);
const dead = (it: WebhookDelivery, at: number) => settled(it, { status: 410 }, at, 0);
const ids = (list: readonly WebhookDelivery[]) => list.map(({ id }) => id);

/** As a dispatcher does, until nothing is due. */
async function takeDue(store: WebhookDeliveryStore, now: number): Promise<string[]> {
  const taken: string[] = [];
  for (;;) {
    const due = await store.upTo('wh_1', 'waiting', now, 2);
    if (due.length === 0) return taken;
    for (const it of due) if (await store.replace(it, claimed(it, now))) taken.push(it.id);
  }
}

export function describeWebhookDeliveryStore(name: string, open: () => Promise<OpenDeliveryStore>): void {
  describe(`webhook delivery store: ${name}`, () => {
    let opened: OpenDeliveryStore;
    let store: WebhookDeliveryStore;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.close());

    test('what was added is there when the store was closed and opened', async () => {
      const one = deliveryOf('a');
      expect(await store.add(one)).toBe('added');
      opened = await opened.reopen();
      expect(await opened.store.find(one.id)).toEqual(one);
      expect(await opened.store.find('msg_no')).toBeUndefined();
    });

    test('a repeat of a message is known and changes nothing, also when it was delivered long ago', async () => {
      const one = deliveryOf('a');
      await store.add(one);
      const after = delivered(one, T + 5);
      await store.replace(one, after);
      expect(await store.add(deliveryOf('a', T + 9))).toBe('known');
      expect(await store.find(one.id)).toEqual(after);
      expect(await store.upTo('wh_1', 'waiting', T + 99, 10)).toEqual([]);
    });

    test('of two who change the same delivery one succeeds', async () => {
      const one = deliveryOf('a');
      await store.add(one);
      const others = [store, opened.other ?? store, store, opened.other ?? store];
      const outcomes = await Promise.all(others.map((it, n) => it.replace(one, claimed(one, T + n))));
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      expect(await store.replace(one, delivered(one, T))).toBe(false);
    });

    test('of two who take what is due again and again each delivery is taken by one', async () => {
      const stores = [store, opened.other ?? store];
      for (let round = 0; round < 15; round++) {
        const now = T + round;
        const made = ['a', 'b', 'c'].map((it) => deliveryOf(`${it}${round}`, now));
        for (const it of made) await store.add(it);
        const taken = await Promise.all([...stores, ...stores].map((it) => takeDue(it, now)));
        expect(taken.flat().sort()).toEqual(ids(made).sort());
        await store.remove(ids(made));
      }
    });

    test('what is due is found from its time on, the earliest first; what is claimed is not', async () => {
      const [late, early, other] = [deliveryOf('late', T + 10), deliveryOf('early'), deliveryOf('x', T, 'wh_2')];
      for (const it of [late, early, other]) await store.add(it);
      expect(ids(await store.upTo('wh_1', 'waiting', T - 1, 10))).toEqual([]);
      expect(ids(await store.upTo('wh_1', 'waiting', T, 10))).toEqual([early.id]);
      expect(ids(await store.upTo('wh_1', 'waiting', T + 10, 10))).toEqual([early.id, late.id]);
      expect(ids(await store.upTo('wh_1', 'waiting', T + 10, 1))).toEqual([early.id]);
      const held = claimed(early, T);
      await store.replace(early, held);
      expect(ids(await store.upTo('wh_1', 'waiting', T + 10, 10))).toEqual([late.id]);
      expect(ids(await store.upTo('wh_1', 'waiting', held.at, 10))).toEqual([late.id, early.id]);
    });

    test('an endpoint for which too many wait takes no more, until one of them is over; others do', async () => {
      const all = ['a', 'b', 'c'].map((it, n) => deliveryOf(it, T + n));
      for (const it of all) expect(await store.add(it)).toBe('added');
      expect(await store.add(deliveryOf('d'))).toBe('full');
      expect(await store.add(deliveryOf('a'))).toBe('known');
      expect(await store.add(deliveryOf('d', T, 'wh_10'))).toBe('added');
      await store.replace(all[0] as WebhookDelivery, delivered(all[0] as WebhookDelivery, T + 5));
      expect(await store.add(deliveryOf('d'))).toBe('added');
    });

    test('lists are by state, the latest first, page by page', async () => {
      const made = ['a', 'b', 'c'].map((it, n) => deliveryOf(it, T + n));
      for (const [n, it] of made.entries()) {
        await store.add(it);
        await store.replace(it, dead(it, T + 10 + n));
      }
      await store.add(deliveryOf('waits'));
      const first = await store.list({ endpointId: 'wh_1', state: 'dead', limit: 2 });
      expect(ids(first.items)).toEqual([made[2]?.id, made[1]?.id]);
      const second = await store.list({ endpointId: 'wh_1', state: 'dead', limit: 2, after: first.next });
      expect([ids(second.items), second.next]).toEqual([[made[0]?.id], undefined]);
      expect((await store.list({ endpointId: 'wh_1', state: 'delivered', limit: 2 })).items).toEqual([]);
    });

    test('tallies count by state and tell when the oldest one that waits was made, however often it was attempted', async () => {
      const [one, two, three] = [deliveryOf('a', T + 7), deliveryOf('b'), deliveryOf('c')];
      for (const it of [one, two]) await store.add(it);
      await store.replace(two, settled(two, { failure: 'timeout' }, T + 20_000, 0.5));
      expect(await store.tally('wh_1')).toEqual({ waiting: 2, delivered: 0, dead: 0, oldest: T });
      await store.add(three);
      await store.replace(one, delivered(one, T + 8));
      await store.replace(three, dead(three, T + 8));
      expect(await store.tally('wh_1')).toEqual({ waiting: 1, delivered: 1, dead: 1, oldest: T });
      expect(await store.tally('wh_2')).toEqual({ waiting: 0, delivered: 0, dead: 0 });
    });

    test('what was removed is gone from lists and tallies; a repeat changes nothing', async () => {
      const [one, two] = [deliveryOf('a'), deliveryOf('b', T, 'wh_10')];
      for (const it of [one, two]) await store.add(it);
      expect(await store.endpointIds()).toEqual(['wh_1', 'wh_10']);
      for (let n = 0; n < 2; n++) await store.remove([one.id, 'msg_no']);
      expect(await store.find(one.id)).toBeUndefined();
      expect(await store.endpointIds()).toEqual(['wh_10']);
      expect(await store.tally('wh_1')).toEqual({ waiting: 0, delivered: 0, dead: 0 });
      expect(await store.upTo('wh_1', 'waiting', T, 9)).toEqual([]);
    });

    test('a new store is not filled, until it is said to be', async () => {
      expect(await store.isFilled()).toBe(false);
      await store.markFilled();
      opened = await opened.reopen();
      expect(await opened.store.isFilled()).toBe(true);
    });
  });
}
