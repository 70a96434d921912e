/**
 * Every second a known key is verified by one ingress, and a few events go through it and are followed until they are
 * counted: what recovery is measured by.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { HttpCaller } from '../crash/http-caller.js';

export const PULSE_TYPE = 'crash.marker';
const SUBJECTS = 12; // enough to meet every partition
const EVERY_MS = 700;
const COUNTED_WITHIN_MS = 15_000;

export interface Beat {
  readonly postedAt: number;
  readonly countedAt: number;
}

export class Pulse {
  #beats: Beat[] = [];
  #stopped = false;
  #n = 0;
  readonly #running: Promise<void>;

  constructor(
    readonly name: string,
    private readonly caller: HttpCaller,
    /** Whether everything below the position is counted. */
    private readonly isCounted: (position: string) => boolean | Promise<boolean>,
    /** Whether the key is VALID. */
    private readonly verified: (caller: HttpCaller) => Promise<boolean>,
  ) {
    this.#running = this.#run();
  }

  /** The first beat that was sent after the given time and is counted. */
  after(time: number): Beat | undefined {
    return this.#beats.find(({ postedAt }) => postedAt >= time);
  }

  async close(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    this.caller.close();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const postedAt = performance.now();
      const position = await this.#post();
      const isWell = position !== undefined && (await this.verified(this.caller)) && (await this.#counted(position));
      if (isWell) {
        this.#beats = [...this.#beats.slice(-200), { postedAt, countedAt: performance.now() }];
      }
      await pause(EVERY_MS);
    }
  }

  /** Undefined when it was refused, lost, or taken into the spool alone. */
  async #post(): Promise<string | undefined> {
    const n = ++this.#n;
    const events = Array.from({ length: SUBJECTS }, (_, i) => ({
      specversion: '1.0',
      id: `${n}-${i}`,
      source: `faults/pulse/${this.name}`,
      type: PULSE_TYPE,
      subject: `pulse-${i}`,
    }));
    const type = { 'content-type': 'application/cloudevents-batch+json' };
    const sent = await this.caller.post('/api/v1/events', events, type);
    if (sent.kind === 'lost' || sent.status !== 204) return undefined;
    return sent.headers['keymeter-position'] as string | undefined;
  }

  async #counted(position: string): Promise<boolean> {
    const until = performance.now() + COUNTED_WITHIN_MS;
    while (!this.#stopped && performance.now() < until) {
      if (await this.isCounted(position)) return true;
      await pause(50);
    }
    return false;
  }
}
