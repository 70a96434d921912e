/** Batches of events at a steady rate, spread over several ingresses. */
import { setTimeout as delay } from 'node:timers/promises';
import type { HttpCaller } from '../../test/crash/http-caller.js';
import { BATCH, type SendEvents, throughIngress } from './event-sender.js';

export class EventLoad {
  #sent = 0;
  #isStopped = false;
  readonly #startedAt = performance.now();
  readonly #lanes: Promise<unknown>;

  constructor(
    ingresses: readonly HttpCaller[],
    private readonly ratePerSecond: number,
  ) {
    this.#lanes = Promise.all(ingresses.map((ingress) => this.#lane(throughIngress(ingress))));
    this.#lanes.catch(() => undefined); // thrown by `stop`
  }

  /** Events that were acknowledged, so far. */
  get perSecond(): number {
    return (this.#sent / (performance.now() - this.#startedAt)) * 1_000;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#lanes;
  }

  /** One batch at a time; behind the rate, the next at once. */
  async #lane(send: SendEvents): Promise<void> {
    while (!this.#isStopped) {
      const nextAt = ((this.#sent + BATCH) / this.ratePerSecond) * 1_000;
      const early = nextAt - (performance.now() - this.#startedAt);
      if (early > 0) await delay(early);
      this.#sent += await send(BATCH);
    }
  }
}
