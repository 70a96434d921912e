import type { Database, RootDatabase } from 'lmdb';
import {
  type DeliveryList,
  endpointEnd,
  listEnd,
  listStart,
  placeParts,
  placesOf,
} from '#domain/webhooks/delivery-place.js';
import type { DeliveryState, WebhookDelivery } from '#domain/webhooks/webhook-delivery.js';
import {
  type DeliveryFilter,
  type DeliveryPage,
  type DeliveryTally,
  MAX_WAITING,
  WebhookDeliveryStore,
} from '#ports/webhook-delivery-store.js';
import { commit } from './commit.js';

const FILLED = 'filled';

/** Deliveries as JSON texts, which a change is compared by, and an index of their places. Of the main thread only. */
export class LmdbWebhookDeliveryStore extends WebhookDeliveryStore {
  readonly #texts: Database<string, string>;
  readonly #places: Database<1, string>;
  /** `<endpoint> <state>` to how many there are: counting an index means walking over it. */
  readonly #counts: Database<number, string>;

  readonly #marks: Database<1, string>;

  constructor(
    private readonly root: RootDatabase,
    private readonly maxWaiting = MAX_WAITING,
  ) {
    super();
    this.#texts = root.openDB({ name: 'webhook_deliveries', encoding: 'string' });
    this.#places = root.openDB({ name: 'webhook_delivery_places', encoding: 'json' });
    this.#counts = root.openDB({ name: 'webhook_delivery_counts', encoding: 'json' });
    this.#marks = root.openDB({ name: 'webhook_delivery_marks', encoding: 'json' });
  }

  add(delivery: WebhookDelivery): Promise<'added' | 'known' | 'full'> {
    return commit(this.root, () => {
      if (this.#texts.doesExist(delivery.id)) return 'known';
      if (this.#count(delivery.endpointId, 'waiting') >= this.maxWaiting) return 'full';
      this.#put(delivery);
      return 'added';
    });
  }

  async find(id: string): Promise<WebhookDelivery | undefined> {
    return this.#get(id);
  }

  replace(before: WebhookDelivery, after: WebhookDelivery): Promise<boolean> {
    return commit(this.root, () => {
      if (this.#texts.get(before.id) !== JSON.stringify(before)) return false;
      this.#drop(before);
      this.#put(after);
      return true;
    });
  }

  async upTo(endpointId: string, state: DeliveryState, upTo: number, limit: number): Promise<WebhookDelivery[]> {
    const range = { start: listStart(endpointId, state), end: listEnd(endpointId, state, upTo), limit };
    return this.#at([...this.#places.getKeys(range)]);
  }

  async list({ endpointId, state, limit, after }: DeliveryFilter): Promise<DeliveryPage> {
    const keys = this.#places.getKeys({
      start: after ?? listEnd(endpointId, state),
      end: listStart(endpointId, state),
      reverse: true,
      offset: after === undefined ? 0 : 1,
      limit: limit + 1,
    });
    const places = [...keys];
    const items = this.#at(places.slice(0, limit));
    return places.length > limit ? { items, next: places[limit - 1] } : { items };
  }

  async tally(endpointId: string): Promise<DeliveryTally> {
    const [oldest] = this.#places.getKeys({
      start: listStart(endpointId, 'open'),
      end: listEnd(endpointId, 'open'),
      limit: 1,
    });
    const of = (state: DeliveryState) => this.#count(endpointId, state);
    const counts = { waiting: of('waiting'), delivered: of('delivered'), dead: of('dead') };
    return oldest === undefined ? counts : { ...counts, oldest: placeParts(oldest).at };
  }

  async endpointIds(): Promise<string[]> {
    const found: string[] = [];
    for (let start = ''; ; ) {
      const [first] = this.#places.getKeys({ start, limit: 1 });
      if (first === undefined) return found;
      const { endpointId } = placeParts(first);
      found.push(endpointId);
      start = endpointEnd(endpointId);
    }
  }

  async remove(ids: readonly string[]): Promise<void> {
    await commit(this.root, () => {
      for (const id of ids) {
        const delivery = this.#get(id);
        if (!delivery) continue;
        this.#drop(delivery);
        this.#texts.remove(id);
      }
    });
  }

  async isFilled(): Promise<boolean> {
    return this.#marks.doesExist(FILLED);
  }

  async markFilled(): Promise<void> {
    await commit(this.root, () => this.#marks.put(FILLED, 1));
  }

  #at(places: readonly string[]): WebhookDelivery[] {
    return places.map((place) => this.#get(placeParts(place).id)).filter((it) => it !== undefined);
  }

  #get(id: string): WebhookDelivery | undefined {
    const text = this.#texts.get(id);
    return text === undefined ? undefined : (JSON.parse(text) as WebhookDelivery);
  }

  #put(delivery: WebhookDelivery): void {
    this.#texts.put(delivery.id, JSON.stringify(delivery));
    for (const place of placesOf(delivery)) this.#places.put(place, 1);
    this.#recount(delivery, 1);
  }

  #drop(delivery: WebhookDelivery): void {
    for (const place of placesOf(delivery)) this.#places.remove(place);
    this.#recount(delivery, -1);
  }

  #count(endpointId: string, list: DeliveryList): number {
    return this.#counts.get(`${endpointId} ${list}`) ?? 0;
  }

  #recount({ endpointId, state }: WebhookDelivery, change: 1 | -1): void {
    const count = this.#count(endpointId, state) + change;
    if (count > 0) this.#counts.put(`${endpointId} ${state}`, count);
    else this.#counts.remove(`${endpointId} ${state}`);
  }
}
