/** The topic of events, whose number of partitions may grow while this process works on it. */
import { KeymeterError } from '#domain/errors.js';
import { PartitionGrowth } from '#domain/log/partition-growth.js';
import type { Clock } from '#ports/clock.js';
import type { KafkaConnection } from './kafka-connection.js';
import { type EventsTopic, growthTopicOf } from './kafka-topics.js';
import { PartitionHistory } from './partition-history.js';

export class GrowingTopic implements EventsTopic {
  readonly name: string;
  readonly id: string;
  readonly grows = true;
  #growth: PartitionGrowth;
  #grownAt: number;
  readonly #listeners = new Set<() => void>();

  private constructor(
    events: EventsTopic,
    growth: PartitionGrowth,
    readonly history: PartitionHistory,
    private readonly clock: Clock,
  ) {
    this.name = events.name;
    this.id = events.id;
    this.#growth = growth;
    this.#grownAt = clock.monotonic();
  }

  /** A new log begins with the partitions that it has. */
  static async open(connection: KafkaConnection, events: EventsTopic, clock: Clock): Promise<GrowingTopic> {
    const history = await PartitionHistory.open(connection, await growthTopicOf(connection, events), clock);
    try {
      let growth = PartitionGrowth.of(events.id, await history.read());
      if (growth.partitions === 0) {
        await history.append({ topic: events.id, from: 0, partitions: events.partitions });
        growth = PartitionGrowth.of(events.id, await history.read());
      }
      demandEnough(events, growth);
      return new GrowingTopic(events, growth, history, clock);
    } catch (error) {
      await history.close();
      throw error;
    }
  }

  /** Those in use; Kafka may have more already while a raise is under way. */
  get partitions(): number {
    return this.#growth.partitions;
  }

  get growth(): PartitionGrowth {
    return this.#growth;
  }

  /** For how long this process has known that there are so many, ms. */
  get knownMs(): number {
    return this.clock.monotonic() - this.#grownAt;
  }

  onGrown(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Asks whether there are more by now. `prepare` is done before anyone here works on them. */
  async look(prepare: () => Promise<void> = async () => undefined): Promise<PartitionGrowth> {
    const found = PartitionGrowth.of(this.id, await this.history.read());
    if (found.partitions <= this.partitions) return this.#growth;
    await prepare();
    if (found.partitions <= this.partitions) return this.#growth; // another look was faster
    this.#growth = found;
    this.#grownAt = this.clock.monotonic();
    for (const listener of this.#listeners) listener();
    return found;
  }

  close(): Promise<void> {
    return this.history.close();
  }
}

function demandEnough({ name, partitions }: EventsTopic, growth: PartitionGrowth): void {
  if (partitions >= growth.partitions) return;
  const detail = `The topic ${name} has ${partitions} partitions and had ${growth.partitions}: it is not known to all brokers yet, or was changed by hand.`;
  throw new KeymeterError('LOG_UNAVAILABLE', detail, { retryable: true });
}
