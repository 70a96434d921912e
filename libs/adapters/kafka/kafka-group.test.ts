import type { OffsetRange } from '#domain/log/position.js';
import { NO_COUNTS } from '#ports/offset-store.js';
import { FRAMES_DECIDED } from '#runtime/event-log-server.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { frameOf } from '../../../test/support/event-rows.js';
import { eventually } from '../../../test/support/eventually.js';
import { KafkaRig } from '../../../test/support/kafka-rig.js';
import { describeWithKafka } from '../../../test/support/kafka-server.js';
import { GroupMembership, type GroupOptions } from './group-membership.js';
import { KafkaLogServer } from './kafka-log-server.js';
import { KafkaOffsetStore } from './kafka-offset-store.js';
import { KafkaSharedLog } from './kafka-shared-log.js';
import type { EventsTopic } from './kafka-topics.js';

const describeKafka = await describeWithKafka();
const SESSION_MS = 3_000;

/** A process of the group: commits every batch it is given, as the consumer does. */
class Member {
  readonly delivered: string[] = [];
  readonly failures: unknown[] = [];
  readonly happened: string[] = [];
  /** While set, batches wait here. */
  gate: Promise<void> | undefined;
  readonly membership: GroupMembership;
  readonly offsets: KafkaOffsetStore;
  readonly server: KafkaLogServer;

  constructor(options: Omit<GroupOptions, 'sessionTimeoutMs'>) {
    this.membership = new GroupMembership({
      sessionTimeoutMs: SESSION_MS,
      onChange: ({ event, detail }) => this.happened.push(`${event} ${detail}`),
      ...options,
    });
    this.offsets = new KafkaOffsetStore(this.membership);
    this.server = new KafkaLogServer({
      membership: this.membership,
      deduplicator: new Deduplicator({ withHashes: async () => [], async *identityHashes() {} }),
      worker: {
        assigned: async (partition) => (await this.offsets.load(partition)).next,
        released: async (partition) => void this.happened.push(`released ${partition}`),
        lost: (partition) => void this.happened.push(`lost ${partition}`),
      },
      onFailed: (error) => this.failures.push(error),
    });
    this.server.addHandler(FRAMES_DECIDED, (frames: readonly DecidedFrame[]) => this.#take(frames), true);
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) => this.server.listen((error) => (error ? reject(error) : resolve())));
  }

  get held(): readonly number[] {
    return this.membership.held;
  }

  async #take(frames: readonly DecidedFrame[]): Promise<void> {
    await this.gate;
    const range = rangeOf(frames);
    await this.offsets.intend(range);
    const last = frames.at(-1)!;
    await this.offsets.commit(range, { ...NO_COUNTS, counted: frames.length }, last);
    for (const { partition, offset } of frames) this.delivered.push(`${partition}:${offset}`);
  }
}

function rangeOf(frames: readonly DecidedFrame[]): OffsetRange {
  return { partition: frames[0]!.partition, first: frames[0]!.offset, next: frames.at(-1)!.offset + 1 };
}

const everyOffset = (partitions: number, each: number) =>
  Array.from({ length: partitions * each }, (_, i) => `${i % partitions}:${Math.floor(i / partitions)}`).sort();

describeKafka('a consumer group', () => {
  const rig = KafkaRig.forTests();
  const members: Member[] = [];
  let groups = 0;
  let count = 0;

  afterEach(() => Promise.all(members.splice(0).map((member) => member.server.close())));

  function member(topic: EventsTopic, groupId: string, connection = rig.connection()): Member {
    const made = new Member({ connection, topic, groupId });
    members.push(made);
    return made;
  }

  async function write(topic: EventsTopic, each: number): Promise<void> {
    const writer = await rig.writer(topic);
    for (let i = 0; i < each; i++) {
      const frames = Array.from({ length: topic.partitions }, () =>
        frameOf([{ id: `e${count++}`, time: 1 }], Date.now()),
      );
      await Promise.all(frames.map((frame, partition) => writer.append(partition, frame)));
    }
    await writer.close();
  }

  test('every record is delivered once, in order, while members come and go; what nobody takes away goes on', async () => {
    const topic = await rig.topic({ partitions: 4 });
    const groupId = `g${groups++}`;
    const [a, b] = [member(topic, groupId), member(topic, groupId)];
    await a.start();
    await write(topic, 30);
    await eventually(() => expect(a.delivered).toHaveLength(120), 20_000);
    await b.start();
    await write(topic, 30);
    await eventually(() => expect([a.held.length, b.held.length]).toEqual([2, 2]), 20_000);
    await write(topic, 30);
    await eventually(() => expect(a.delivered.length + b.delivered.length).toBeGreaterThanOrEqual(360), 20_000);
    const kept = a.held;
    expect(a.happened.filter((line) => line.startsWith('released'))).toHaveLength(2);
    await a.server.close();
    await write(topic, 30);
    await eventually(() => expect(b.held).toEqual([0, 1, 2, 3]), 20_000);
    await eventually(() => expect(a.delivered.length + b.delivered.length).toBeGreaterThanOrEqual(480), 20_000);
    expect(kept).toHaveLength(2);
    expect([...a.delivered, ...b.delivered].sort()).toEqual(everyOffset(4, 120));
    expect([...a.failures, ...b.failures]).toEqual([]);
    const log = await KafkaSharedLog.open({ connection: rig.connection(), topic, groupId });
    const committed = await log.committed();
    expect(await log.ends()).toEqual([120, 120, 120, 120]);
    expect(committed.map(({ next, counts }) => [next, counts.counted])).toEqual(Array(4).fill([120, 120]));
    await log.close();
  }, 90_000);

  test('a partition is not given on before its holder has finished what it was given', async () => {
    const topic = await rig.topic({ partitions: 2 });
    const groupId = `g${groups++}`;
    const [a, b] = [member(topic, groupId), member(topic, groupId)];
    let open = () => {};
    await a.start();
    await eventually(() => expect(a.held).toEqual([0, 1]), 20_000);
    a.gate = new Promise((resolve) => {
      open = resolve;
    });
    await write(topic, 1);
    await b.start();
    await eventually(() => expect(b.happened.some((line) => line.startsWith('joined'))).toBe(true), 20_000);
    expect(b.held).toEqual([]);
    expect(a.happened.filter((line) => line.startsWith('released'))).toEqual([]);
    open();
    await eventually(() => expect([a.held.length, b.held.length]).toEqual([1, 1]), 20_000);
    expect([...a.delivered].sort()).toEqual(['0:0', '1:0']);
    expect(b.delivered).toEqual([]);
  }, 60_000);
});
