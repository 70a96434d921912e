/** A consumer that is held at named points: which it has reached, and when it may go on. */
import type { ConsumerRig } from '../support/consumer-rig.js';
import { eventually } from '../support/eventually.js';
import type { Standalone } from '../support/standalone.js';
import type { FromConsumer, Held, ToConsumer } from './stepping-consumer.js';

const REACHED_WITHIN_MS = 60_000;

export class SteppingProcess {
  readonly unknown: string[] = [];
  readonly #reached = new Map<number, string>();
  readonly #settled = new Set<number>();
  readonly process: Standalone;
  #ending = false;

  constructor(
    rig: ConsumerRig,
    private readonly held: Held,
  ) {
    this.process = rig.start({
      main: 'run/stepping-consumer.js',
      env: { STEPS_HELD: JSON.stringify(held) },
      onMessage: (message) => this.#hear(message as FromConsumer),
    });
  }

  get partitions(): number[] {
    return Object.keys(this.held).map(Number);
  }

  /** In order, as far as it is not held. */
  end(): void {
    this.#ending = true;
    this.process.kill('SIGTERM');
  }

  get ending(): boolean {
    return this.#ending;
  }

  /** Of those that are held while rows are on their way. */
  get sending(): number[] {
    return this.partitions.filter((partition) => / sent /.test(this.held[partition] as string));
  }

  /** Resolves when every partition stands at its point, those of `sending` before it. */
  async atItsPoints(): Promise<void> {
    await this.#allReached((partition) => (this.held[partition] as string).replace(' sent ', ' before '));
  }

  /** Lets rows go on their way; resolves when they are. */
  async send(): Promise<void> {
    this.goOn(this.sending);
    await this.#allReached((partition) => this.held[partition] as string);
  }

  goOn(partitions = this.partitions): void {
    this.process.say({ goOn: partitions } satisfies ToConsumer);
  }

  /** Resolves when every call that was held is over. */
  async settled(): Promise<void> {
    await eventually(() => {
      this.#demandRunning();
      expect([...this.#settled].sort(byNumber).join(' ')).toBe(this.partitions.sort(byNumber).join(' '));
    }, 60_000);
  }

  #demandRunning(): void {
    if (!this.process.running) throw new Error(`the consumer ended: ${this.process.logs.slice(-2_000)}`);
  }

  async #allReached(point: (partition: number) => string): Promise<void> {
    const wanted = Object.fromEntries(this.partitions.map((partition) => [partition, point(partition)]));
    await eventually(() => {
      this.#demandRunning();
      expect(Object.fromEntries(this.#reached)).toEqual(wanted);
    }, REACHED_WITHIN_MS);
  }

  #hear(message: FromConsumer): void {
    if ('reached' in message) this.#reached.set(message.partition, message.reached);
    else if ('settled' in message) this.#settled.add(message.partition);
    else this.unknown.push(message.unknown);
  }
}

function byNumber(a: number, b: number): number {
  return a - b;
}
