/** What stands in `keymeter.regrouped` and what follows from it, worked out without anything of the product. */
import kafkajs from 'kafkajs';
import { eventually } from '../support/eventually.js';

const TOPIC = 'keymeter.regrouped';
/** In records that a test has put there past keymeter. */
export const FOREIGN = 'written by nobody';

export interface TopicRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | undefined;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** All records of a topic up to where it ends now, in the order of each partition. */
export async function recordsOf(broker: string, topic: string): Promise<TopicRecord[]> {
  const kafka = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const wanted = (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);
  await admin.disconnect();
  const found: TopicRecord[] = [];
  if (wanted === 0) return found;
  const consumer = kafka.consumer({ groupId: `test-${process.pid}-${Math.random()}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      const headers = Object.fromEntries(Object.entries(message.headers ?? {}).map(([name, it]) => [name, String(it)]));
      const value = message.value?.toString() ?? '';
      found.push({ partition, offset: Number(message.offset), key: message.key?.toString(), value, headers });
    },
  });
  await eventually(() => expect(found.length).toBeGreaterThanOrEqual(wanted), 60_000);
  await consumer.disconnect();
  return found.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

export interface Group {
  /** `partition:offset:index` in the log, in the order in which they count. */
  readonly places: string[];
}

export interface RegroupedLogView {
  readonly byTarget: ReadonlyMap<string, Group>;
  /** Entries that stood there before. */
  readonly repeats: number;
}

/** Events of one policy by group value, a document's by address: the first appearance of each place counts. */
export async function regroupedLog(broker: string, policyId: string): Promise<RegroupedLogView> {
  const byTarget = new Map<string, { places: string[] }>();
  const seen = new Set<string>();
  let repeats = 0;
  for (const { partition, value } of await recordsOf(broker, TOPIC)) {
    if (!value.startsWith('{"v":1,"log":"') || value.includes(FOREIGN)) continue;
    const { source, policies, entries } = JSON.parse(value);
    for (const entry of entries) {
      const said = saidBy(entry);
      if (!said?.numbers.some((number) => policies[number].id === policyId)) continue;
      const { offset, index, target } = said;
      const place = `${source}:${offset}:${index}`;
      if (seen.has(`${partition} ${place}`)) {
        repeats++;
        continue;
      }
      seen.add(`${partition} ${place}`);
      const group = byTarget.get(target) ?? { places: [] };
      group.places.push(place);
      byTarget.set(target, group);
    }
  }
  return { byTarget, repeats };
}

type Entry =
  | [number, number, number, number, string, [number, number, number][]]
  | { offset: number; index: number; event?: { data: { ip: string } }; for?: number[] };

interface Said {
  readonly offset: number;
  readonly index: number;
  readonly target: string;
  /** Of policies, as the record counts them. */
  readonly numbers: readonly number[];
}

/** A list is counted by thresholds, an event is looked at by documents. */
function saidBy(entry: Entry): Said | undefined {
  if (Array.isArray(entry)) {
    const [offset, index, , , target, measures] = entry;
    return { offset, index, target, numbers: measures.map(([number]) => number) };
  }
  const { offset, index, event, for: numbers } = entry;
  return event && numbers && { offset, index, target: event.data.ip, numbers };
}
