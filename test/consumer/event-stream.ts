/** Ranges of the ledger, appended one after the other to all partitions in turn until told to rest. */
import { setTimeout as delay } from 'node:timers/promises';
import type { KafkaEventLogWriter } from '#adapters/kafka/kafka-event-log-writer.js';
import type { EventLedger } from '../support/event-ledger.js';

/** Between two ranges: a load that a busy machine still counts in time. */
const PACE_MS = 100;

export class EventStream {
  #appended = 0;
  #resting = false;
  #running: Promise<void> = Promise.resolve();

  private constructor(
    private readonly writer: KafkaEventLogWriter,
    private readonly ledger: EventLedger,
  ) {}

  static async begin(writer: KafkaEventLogWriter, ledger: EventLedger): Promise<EventStream> {
    const stream = new EventStream(writer, ledger);
    stream.goOn();
    return stream;
  }

  /** Ranges that the log has. */
  get appended(): number {
    return this.#appended;
  }

  goOn(): void {
    this.#resting = false;
    this.#running = this.#run();
    this.#running.catch(() => undefined); // told by rest()
  }

  /** Resolves when all that was begun is in the log; rejects with what an append met. */
  async rest(): Promise<void> {
    this.#resting = true;
    await this.#running;
  }

  async end(): Promise<void> {
    await this.rest();
    await this.writer.close();
  }

  async #run(): Promise<void> {
    while (!this.#resting) {
      const partition = this.#appended % this.writer.partitions;
      const records = this.ledger.range(partition, `range ${this.#appended}`, Date.now());
      await Promise.all(records.map((record) => this.writer.append(partition, record)));
      this.#appended++;
      await delay(PACE_MS);
    }
  }
}
