/** The topics of a deployment: created with the settings that the promises rest on, checked at every start. */
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type ITopicConfig } from 'kafkajs';
import { KeymeterError } from '#domain/errors.js';
import type { KafkaConnection } from './kafka-connection.js';
import { protocolErrorOf, startError } from './kafka-error.js';
import { TopicClient } from './topic-client.js';
import { settingsOf, type TopicRules, type TopicState, topicProblem } from './topic-rules.js';

/** In a record of what is regrouped: the policies that look at an event, and others before it. */
const BESIDE_REGROUPED_BYTES = 7 * 1024 * 1024;

export const TOPICS = {
  events: 'keymeter.events',
  keys: 'keymeter.keys',
  regrouped: 'keymeter.regrouped',
  enforcements: 'keymeter.enforcements',
  deadLetters: 'keymeter.dead-letters',
  /** How the number of partitions of the events grew. */
  growth: 'keymeter.partitions',
} as const;

export interface TopicOptions {
  /** Of the events and of what is regrouped when their topics are created; the other topics have one. */
  readonly partitions: number;
  readonly replication: number;
  readonly retentionMs: number;
  /** Of one event, see KEYMETER_EVENT_MAX_BYTES. */
  readonly maxEventBytes?: number;
  /** Before every name, so that deployments can share brokers. */
  readonly prefix?: string;
}

export interface EventsTopic {
  readonly name: string;
  /** Another id under the same name is another log. */
  readonly id: string;
  /** Those in use. */
  readonly partitions: number;
  /** There may be more later, see GrowingTopic. */
  readonly grows?: boolean;
}

type Admin = ReturnType<KafkaConnection['admin']>;

const FOR_EVER = -1;
const CREATE_MS = 15_000;
const SPREAD_EVERY_MS = 100;
/** What a broker answers of a topic that the controller has created and it has not heard of yet (KRaft). */
const NOT_SPREAD = ['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE'];

/** Creates what is missing and checks what is there; rejects with TOPIC_WRONG, one sentence that says how to mend it. */
export async function ensureTopics(connection: KafkaConnection, options: TopicOptions): Promise<EventsTopic> {
  const admin = connection.admin();
  const rules = rulesOf(options);
  try {
    await admin.connect();
    await create(admin, rules);
    await check(admin, rules);
  } catch (error) {
    throw startError(error, 'creating and checking its topics', Boolean(connection.options.ssl));
  } finally {
    await admin.disconnect();
  }
  return topicOf(connection, `${options.prefix ?? ''}${TOPICS.events}`);
}

/** Beside the topic of events, under the same prefix. */
export function growthTopicOf(connection: KafkaConnection, { name }: EventsTopic): Promise<EventsTopic> {
  return topicOf(connection, `${name.slice(0, -TOPICS.events.length)}${TOPICS.growth}`);
}

/** A topic as it is there now. */
export async function topicOf(connection: KafkaConnection, name: string): Promise<EventsTopic> {
  const client = await TopicClient.open(connection, { name });
  try {
    const id = await client.topicId();
    if (id !== undefined) return { name, id, partitions: client.partitions };
    throw new KeymeterError('LOG_UNAVAILABLE', `The Kafka topic ${name} is gone again.`, { retryable: true });
  } finally {
    await client.close();
  }
}

function rulesOf({
  partitions,
  replication,
  retentionMs,
  maxEventBytes,
  prefix = '',
}: TopicOptions): readonly TopicRules[] {
  const log = { replication, retentionMs, compacted: false };
  return [
    { ...log, name: prefix + TOPICS.events, partitions, mayGrow: true, maxEventBytes },
    {
      ...log,
      name: prefix + TOPICS.regrouped,
      partitions,
      keepsCount: true,
      maxEventBytes,
      besideEventBytes: BESIDE_REGROUPED_BYTES,
    },
    { ...log, name: prefix + TOPICS.keys, partitions: 1, compacted: true, retentionMs: FOR_EVER },
    { ...log, name: prefix + TOPICS.enforcements, partitions: 1 },
    { ...log, name: prefix + TOPICS.deadLetters, partitions: 1 },
    { ...log, name: prefix + TOPICS.growth, partitions: 1, retentionMs: FOR_EVER },
  ];
}

async function create(admin: Admin, rules: readonly TopicRules[]): Promise<void> {
  const there = await admin.listTopics();
  const missing = rules.filter(({ name }) => !there.includes(name));
  if (missing.length === 0) return;
  const topics = missing.map((rule) => creation(rule));
  try {
    await admin.createTopics({ topics, timeout: CREATE_MS, waitForLeaders: false }); // `spread` waits
  } catch (error) {
    const type = protocolErrorOf(error) ?? protocolErrorOf((error as { errors?: unknown[] }).errors?.[0]);
    if (type === 'TOPIC_ALREADY_EXISTS') return; // another process starts at the same moment: checked next
    if (type !== 'INVALID_REPLICATION_FACTOR') throw error;
    const detail = `Kafka has fewer brokers than the ${missing[0]?.replication} copies that KEYMETER_KAFKA_REPLICATION asks for: start more brokers or lower it.`;
    throw new KeymeterError('TOPIC_WRONG', detail, { cause: error });
  }
}

function creation(rules: TopicRules): ITopicConfig {
  const configEntries = Object.entries(settingsOf(rules)).map(([name, { should: value }]) => ({ name, value }));
  const { name: topic, partitions: numPartitions, replication: replicationFactor } = rules;
  return { topic, numPartitions, replicationFactor, configEntries };
}

async function check(admin: Admin, rules: readonly TopicRules[]): Promise<void> {
  const names = rules.map(({ name }) => name);
  const [{ topics }, { resources }] = await Promise.all([
    spread(() => admin.fetchTopicMetadata({ topics: names })),
    spread(() =>
      admin.describeConfigs({
        includeSynonyms: false,
        resources: names.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
      }),
    ),
  ]);
  for (const rule of rules) {
    const partitions = topics.find(({ name }) => name === rule.name)?.partitions ?? [];
    const entries = resources.find(({ resourceName }) => resourceName === rule.name)?.configEntries ?? [];
    const state: TopicState = {
      partitions: partitions.length,
      replication: Math.min(...partitions.map(({ replicas }) => replicas.length)),
      settings: Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue])),
    };
    const problem = topicProblem(rule, state);
    if (problem) throw new KeymeterError('TOPIC_WRONG', problem);
  }
}

/** Asks again while the broker that is asked does not know all of the topics yet. */
async function spread<T>(ask: () => Promise<T>): Promise<T> {
  const until = performance.now() + CREATE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!NOT_SPREAD.includes(protocolErrorOf(error) ?? '') || performance.now() > until) throw error;
      await delay(SPREAD_EVERY_MS);
    }
  }
}
