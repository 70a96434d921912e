/**
 * Senders that never stop: each subject's events carry numbers, every one is sent until it is acknowledged, and now and
 * then an older one is sent again, to the other ingress.
 */
import type { HttpCaller } from '../crash/http-caller.js';

export interface SendersOptions {
  readonly ingresses: readonly HttpCaller[];
  readonly subjects: readonly string[];
  readonly type: string;
  readonly random: () => number;
}

const REPEATED = 0.2;
const AGAIN_MS = 50;

export class NumberedSenders {
  readonly #sent = new Map<string, number>();
  #stopped = false;
  #running: Promise<unknown>;
  repeats = 0;
  refused = 0;

  constructor(private readonly options: SendersOptions) {
    for (const subject of options.subjects) this.#sent.set(subject, 0);
    this.#running = Promise.all(options.subjects.map((subject, i) => this.#send(subject, i)));
  }

  /** Events that were acknowledged, by subject. */
  get acknowledged(): ReadonlyMap<string, number> {
    return this.#sent;
  }

  get total(): number {
    return [...this.#sent.values()].reduce((sum, sent) => sum + sent, 0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #send(subject: string, first: number): Promise<void> {
    const { random } = this.options;
    for (let n = 0; !this.#stopped; n++) {
      await this.#acknowledged(subject, n, first + n);
      this.#sent.set(subject, n + 1);
      if (random() > REPEATED) continue;
      await this.#acknowledged(subject, Math.floor(random() * (n + 1)), first + n + 1);
      this.repeats++;
    }
  }

  async #acknowledged(subject: string, n: number, turn: number): Promise<void> {
    const { ingresses, type } = this.options;
    const event = { specversion: '1.0', id: `${subject}/${n}`, source: 'senders', type, subject };
    for (let attempt = 0; ; attempt++) {
      const ingress = ingresses[(turn + attempt) % ingresses.length] as HttpCaller;
      const headers = { 'content-type': 'application/cloudevents+json' };
      const answer = await ingress.call('/api/v1/events', { method: 'POST', headers, body: JSON.stringify(event) });
      if (answer.kind === 'answer' && answer.status === 204) return;
      this.refused++;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS)); // it may be starting again
    }
  }
}
