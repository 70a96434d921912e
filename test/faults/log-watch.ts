/** How far the log goes and how far consumers have counted it, asked of Kafka itself. */
import { setTimeout as pause } from 'node:timers/promises';
import kafkajs, { type Admin } from 'kafkajs';

const TOPIC = 'keymeter.events';
const GROUP = 'keymeter-consumer';
const POLL_MS = 300;

export interface PartitionReading {
  readonly partition: number;
  readonly end: number;
  readonly committed: number;
}

export class LogWatch {
  #admin: Admin | undefined;
  #committed = new Map<number, number>();
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(private readonly port: number) {
    this.#running = this.#run();
  }

  /** Whether all below the position is committed, `partition:offset` with commas, as an ingest answers it. */
  isCounted(position: string): boolean {
    const wanted = position.split(',').map((part) => part.split(':').map(Number) as [number, number]);
    return wanted.every(([partition, offset]) => (this.#committed.get(partition) ?? 0) >= offset);
  }

  async read(): Promise<PartitionReading[]> {
    const admin = await this.#connected();
    const [group] = await admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC] });
    const ends = await admin.fetchTopicOffsets(TOPIC);
    const committed = new Map(group?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
    return ends.map(({ partition, high }) => ({
      partition,
      end: Number(high),
      committed: Math.max(0, committed.get(partition) ?? 0),
    }));
  }

  async close(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await this.#admin?.disconnect().catch(() => undefined); // closed either way
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        for (const { partition, committed } of await this.read()) this.#committed.set(partition, committed);
      } catch {
        // Kafka is being disturbed: what was seen last stands
        await this.#admin?.disconnect().catch(() => undefined);
        this.#admin = undefined;
      }
      await pause(POLL_MS);
    }
  }

  async #connected(): Promise<Admin> {
    if (this.#admin) return this.#admin;
    const kafka = new kafkajs.Kafka({
      brokers: [`127.0.0.1:${this.port}`],
      logLevel: kafkajs.logLevel.NOTHING,
      connectionTimeout: 2_000,
      requestTimeout: 3_000,
      retry: { retries: 1 },
    });
    const admin = kafka.admin();
    await admin.connect();
    this.#admin = admin;
    return admin;
  }
}
