/** Real Kafka, the HTTP front over chDB and consumer processes on them, as a test needs them: no Redis, no other app. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HttpSqlClient } from '#adapters/clickhouse/http-sql-client.js';
import { CONSUMER_GROUP } from '#adapters/cluster/group-names.js';
import type { KafkaEventLogWriter } from '#adapters/kafka/kafka-event-log-writer.js';
import { KafkaSharedLog } from '#adapters/kafka/kafka-shared-log.js';
import { type EventsTopic, TOPICS } from '#adapters/kafka/kafka-topics.js';
import { TestFront } from './clickhouse-front.js';
import { eventually } from './eventually.js';
import { KafkaRig } from './kafka-rig.js';
import type { TestKafkaOptions } from './kafka-server.js';
import { NPM_START } from './npm-start.js';
import { Standalone } from './standalone.js';
import { temporaryFolder } from './temp-folder.js';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
const SETTLED_WITHIN_MS = 120_000;
const RETENTION_MS = 7 * 86_400_000; // as the settings have it
const CONSUMER = 'run/consumer.js';

export interface ConsumerStart {
  /** Below dist/. */
  readonly main?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly onMessage?: (message: unknown) => void;
}

export class ConsumerRig {
  readonly #folder = temporaryFolder('consumers');
  readonly #processes: Standalone[] = [];
  #front: TestFront | undefined;
  #sql: HttpSqlClient | undefined;
  #started = 0;

  private constructor(
    readonly kafka: KafkaRig,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  /** One broker and one front for the test file; `env`: settings of every process. */
  static forTests(env: Readonly<Record<string, string>>, options: TestKafkaOptions = {}): ConsumerRig {
    const rig = new ConsumerRig(KafkaRig.forTests(options), env);
    beforeAll(async () => {
      rig.#front = await TestFront.start();
      rig.#sql = new HttpSqlClient({ ...rig.front.access, timeoutMs: 60_000 });
    }, 120_000);
    afterAll(async () => {
      for (const it of rig.#processes) it.kill('SIGKILL');
      await Promise.all(rig.#processes.map(({ exited }) => exited));
      await rig.#sql?.close();
      await rig.#front?.close();
    }, 60_000);
    return rig;
  }

  get front(): TestFront {
    if (!this.#front) throw new Error('the front is not started yet');
    return this.#front;
  }

  /** Statements past keymeter. */
  get sql(): HttpSqlClient {
    if (!this.#sql) throw new Error('the front is not started yet');
    return this.#sql;
  }

  get folder(): string {
    return this.#folder;
  }

  /** The topic of the events as the processes expect it. */
  topic(partitions: number): Promise<EventsTopic> {
    return this.kafka.topic({ prefix: '', retentionMs: RETENTION_MS, partitions });
  }

  /** Deletes the topics that are as wide as the events' and makes them anew under their names. */
  async recreated(partitions: number): Promise<EventsTopic> {
    await this.removeTopics();
    let made: EventsTopic | undefined;
    await eventually(async () => {
      made = await this.topic(partitions);
    }, 30_000);
    return made as EventsTopic;
  }

  async removeTopics(): Promise<void> {
    await this.asAdmin(async (admin) => {
      const there = await admin.listTopics();
      const wide: string[] = [TOPICS.events, TOPICS.regrouped];
      await admin.deleteTopics({ topics: wide.filter((name) => there.includes(name)) });
      await eventually(
        async () => expect((await admin.listTopics()).filter((it) => wide.includes(it))).toEqual([]),
        30_000,
      );
    });
  }

  /** As an operator with Kafka's own tools. */
  async asAdmin<T>(work: (admin: ReturnType<ReturnType<KafkaRig['connection']>['admin']>) => Promise<T>): Promise<T> {
    const admin = this.kafka.connection().admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  writer(topic: EventsTopic): Promise<KafkaEventLogWriter> {
    return this.kafka.writer(topic);
  }

  /** Starts a consumer and waits for nothing. */
  start({ main = CONSUMER, env = {}, onMessage }: ConsumerStart = {}): Standalone {
    const settings = {
      PATH: process.env.PATH ?? '',
      KEYMETER_PORT: '0',
      KEYMETER_DATA_DIR: join(this.#folder, `consumer-${this.#started++}`),
      KEYMETER_STORES: 'cluster',
      KEYMETER_KAFKA_BROKERS: this.kafka.server.bootstrap,
      KEYMETER_REDIS_NODES: '127.0.0.1:1', // asked for by the settings, never by a consumer
      KEYMETER_CLICKHOUSE_URL: this.front.url,
      KEYMETER_CLICKHOUSE_PASSWORD: this.front.password,
      ...this.env,
      ...env,
    };
    const child = spawn(process.execPath, [...NPM_START.flags, join(DIST, main)], {
      env: settings,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    if (onMessage) child.on('message', onMessage);
    const started = new Standalone(child, undefined);
    this.#processes.push(started);
    return started;
  }

  /** Resolves when the process is the only one of its group. */
  async holdsAll(consumer: Standalone, { partitions }: EventsTopic): Promise<void> {
    const all = Array.from({ length: partitions }, (_, partition) => partition).join(',');
    await eventually(() => expect(consumer.logs).toContain(`partitions ${all}"`), 60_000);
  }

  /** What the group has committed, and the log's ends. */
  shared(topic: EventsTopic): Promise<KafkaSharedLog> {
    return KafkaSharedLog.open({ connection: this.kafka.connection(), topic, groupId: CONSUMER_GROUP });
  }

  /** Resolves when the group has committed all that is in the log, `but` for some partitions. */
  async settled(topic: EventsTopic, but: readonly number[] = []): Promise<void> {
    const log = await this.shared(topic);
    try {
      await eventually(async () => {
        const wanted = (_: unknown, partition: number) => !but.includes(partition);
        const committed = (await log.committed()).map(({ next }) => next);
        const ends = await log.ends();
        expect(committed.filter(wanted).join(' ')).toBe(ends.filter(wanted).join(' '));
      }, SETTLED_WITHIN_MS);
    } catch (error) {
      const last = this.#processes.map(
        (it, i) => `consumer ${i}${it.running ? '' : ', ended'}: ${it.logs.slice(-1_000)}`,
      );
      throw new Error(`${(error as Error).message}\n${last.join('\n')}`);
    } finally {
      await log.close();
    }
  }
}
