/** What each topic must be, and the one sentence about one that is not. Pure. */
import { KeymeterError } from '#domain/errors.js';

export interface TopicRules {
  readonly name: string;
  readonly partitions: number;
  /** More partitions than that are no fault: they were raised. */
  readonly mayGrow?: boolean;
  /** It has as many as it was created with. */
  readonly keepsCount?: boolean;
  readonly replication: number;
  /** -1 = for ever */
  readonly retentionMs: number;
  readonly compacted: boolean;
  /** The largest event that ingest takes. */
  readonly maxEventBytes?: number;
  /** What a record holds beside it, preset a frame's header and headers. */
  readonly besideEventBytes?: number;
}

export interface TopicState {
  readonly partitions: number;
  readonly replication: number;
  readonly settings: Readonly<Record<string, string>>;
}

interface Demand {
  readonly should: string;
  readonly holds: (is: string) => boolean;
}

/** Frames of many rows stay far below; one row that is larger has a frame of its own. */
const LEAST_RECORD_BYTES = 8 * 1024 * 1024;
/** Of a record beside the row: the frame's header, the row's hash, Kafka's batch, headers. */
const BESIDE_EVENT_BYTES = 64 * 1024;
const NO_LIMIT = String(2n ** 63n - 1n); // Kafka's longest

export function settingsOf(rules: TopicRules): Readonly<Record<string, Demand>> {
  const exactly = (should: string): Demand => ({ should, holds: (is) => is === should });
  const atLeast = (should: number): Demand => ({ should: String(should), holds: (is) => Number(is) >= should });
  const { retentionMs, maxEventBytes = 0, besideEventBytes = BESIDE_EVENT_BYTES } = rules;
  // What was accepted must fit: a record that is refused would hold up everything behind it in the spool.
  const recordBytes = Math.max(LEAST_RECORD_BYTES, maxEventBytes + besideEventBytes);
  return {
    'cleanup.policy': exactly(rules.compacted ? 'compact' : 'delete'),
    'retention.ms': {
      should: String(retentionMs),
      holds: (is) => Number(is) === -1 || Number(is) >= minimum(retentionMs),
    },
    // An acknowledged record outlives the loss of one broker wherever there are enough of them.
    'min.insync.replicas': atLeast(Math.max(1, rules.replication - 1)),
    'unclean.leader.election.enable': exactly('false'),
    // Retention goes by acceptance, which the writer states: never by the broker's clock, never by the event's own time.
    'message.timestamp.type': exactly('CreateTime'),
    // Kafka's own hour would refuse what a machine whose clock is ahead has accepted, and all that came behind it.
    'message.timestamp.after.max.ms': exactly(NO_LIMIT),
    'max.message.bytes': atLeast(recordBytes),
    // What another producer has packed in a way that this client cannot unpack would hold up its partition for good.
    'compression.type': { should: 'uncompressed', holds: (is) => is === 'uncompressed' || is === 'gzip' },
  };
}

/** Undefined when all is well. */
export function topicProblem(rules: TopicRules, is: TopicState): string | undefined {
  const { name, partitions, replication } = rules;
  if (is.partitions < partitions && !rules.keepsCount) {
    const command = `run: kafka-topics.sh --alter --topic ${name} --partitions ${partitions}`;
    const raise = ` while the log is empty; else set KEYMETER_KAFKA_PARTITIONS=${is.partitions} and raise it: keymeter partitions --to ${partitions}`;
    return wrong(name, 'partitions', is.partitions, partitions, rules.mayGrow ? command + raise : command);
  }
  if (is.partitions > partitions && !rules.mayGrow && !rules.keepsCount) {
    return wrong(name, 'partitions', is.partitions, partitions, 'create it anew, Kafka cannot take partitions away');
  }
  if (is.replication < replication) {
    return wrong(name, 'replicas', is.replication, replication, 'add them with kafka-reassign-partitions.sh');
  }
  for (const [key, { should, holds }] of Object.entries(settingsOf(rules))) {
    const value = is.settings[key];
    if (value !== undefined && holds(value)) continue;
    const command = `kafka-configs.sh --alter --entity-type topics --entity-name ${name} --add-config ${key}=${should}`;
    return wrong(name, key, value ?? 'not known', should, `run: ${command}`);
  }
  return undefined;
}

/** Events of a partition that was added later would be read by nobody who began without it, where the topic does not grow. */
export function demandPartitions(
  began: { readonly name: string; readonly partitions: number; readonly grows?: boolean },
  now: number,
): void {
  if (now === began.partitions || began.grows) return;
  const detail = `The topic ${began.name} has ${now} partitions now, this process began with ${began.partitions}: start all processes anew with KEYMETER_KAFKA_PARTITIONS=${now}.`;
  throw new KeymeterError('TOPIC_WRONG', detail);
}

function wrong(topic: string, what: string, is: number | string, should: number | string, mend: string): string {
  return `The Kafka topic ${topic} has ${what} ${is} and needs ${should}; ${mend}`;
}

function minimum(retentionMs: number): number {
  return retentionMs === -1 ? Number.POSITIVE_INFINITY : retentionMs;
}
