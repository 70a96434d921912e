import kafkajs from 'kafkajs';
import { NO_COUNTS } from '#domain/log/counted-range.js';
import type { OffsetRange } from '#domain/log/position.js';
import type { DeadLetter } from '#ports/usage-store.js';
import { FRAMES_DECIDED } from '#runtime/frame-transport.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { frameOf } from '../../../test/support/event-rows.js';
import { eventually } from '../../../test/support/eventually.js';
import { freePort } from '../../../test/support/free-port.js';
import { KafkaRig } from '../../../test/support/kafka-rig.js';
import { describeWithKafka, TestKafka } from '../../../test/support/kafka-server.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { encodeMetadata } from './commit-metadata.js';
import { GroupMembership, type GroupOptions } from './group-membership.js';
import { KafkaConnection } from './kafka-connection.js';
import { KafkaLogServer } from './kafka-log-server.js';
import { KafkaOffsetStore, progressOf } from './kafka-offset-store.js';
import { KafkaSharedLog } from './kafka-shared-log.js';
import { type EventsTopic, ensureTopics } from './kafka-topics.js';

const describeKafka = await describeWithKafka();
const SESSION_MS = 3_000;

/** A process of the group: commits every batch it is given, as the consumer does. */
class Member {
  readonly delivered: string[] = [];
  readonly deadLetters: DeadLetter[] = [];
  readonly failures: unknown[] = [];
  readonly happened: string[] = [];
  /** While set, batches wait here. */
  gate: Promise<void> | undefined;
  readonly membership: GroupMembership;
  readonly server: KafkaLogServer;
  /** One for each life of a partition here. */
  readonly #offsets = new Map<number, KafkaOffsetStore>();

  constructor(options: GroupOptions) {
    this.membership = new GroupMembership({
      onChange: ({ event, detail }) => this.happened.push(`${event} ${detail}`),
      ...options,
    });
    this.server = new KafkaLogServer({
      membership: this.membership,
      deduplicator: new Deduplicator({ withHashes: async () => [], async *identityHashes() {} }),
      worker: {
        assigned: async (partition) => {
          const offsets = KafkaOffsetStore.under(this.membership, partition);
          this.#offsets.set(partition, offsets);
          return (await offsets.load(partition)).next;
        },
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

  /** Of partition 0, as its newest reader uses it. */
  get offsets(): KafkaOffsetStore {
    return this.#of(0);
  }

  #of(partition: number): KafkaOffsetStore {
    return this.#offsets.get(partition) as KafkaOffsetStore;
  }

  async #take(frames: readonly DecidedFrame[]): Promise<void> {
    await this.gate;
    const range = rangeOf(frames);
    const offsets = this.#of(range.partition);
    await offsets.intend(range);
    const last = frames.at(-1)!;
    await offsets.commit(range, { ...NO_COUNTS, counted: frames.length }, last);
    for (const { partition, offset, deadLetters } of frames) {
      this.delivered.push(`${partition}:${offset}`);
      this.deadLetters.push(...deadLetters);
    }
  }
}

function rangeOf(frames: readonly DecidedFrame[]): OffsetRange {
  return { partition: frames[0]!.partition, first: frames[0]!.offset, next: frames.at(-1)!.offset + 1 };
}

/** As the broker sees it. */
async function membersOf({ bootstrap }: TestKafka, groupId: string): Promise<number> {
  const kafka = new kafkajs.Kafka({ brokers: [bootstrap], logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const { groups } = await admin.describeGroups([groupId]);
  await admin.disconnect();
  return groups[0]?.members.length ?? 0;
}

const everyOffset = (partitions: number, each: number) =>
  Array.from({ length: partitions * each }, (_, i) => `${i % partitions}:${Math.floor(i / partitions)}`).sort();

describeKafka('a consumer group', () => {
  const rig = KafkaRig.forTests();
  const members: Member[] = [];
  let groups = 0;
  let count = 0;

  afterEach(() => Promise.all(members.splice(0).map((member) => member.server.close())));

  function member(topic: EventsTopic, groupId: string, connection = rig.connection(), sessionTimeoutMs = SESSION_MS) {
    const made = new Member({ connection, topic, groupId, sessionTimeoutMs });
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

  describe('with a member that is cut off', () => {
    let proxied: TcpProxy;
    let second: TestKafka;

    /** A broker with a second listener, advertised at a proxy: who comes through the proxy stays behind it. */
    beforeAll(async () => {
      const behind = await freePort();
      proxied = await TcpProxy.to(behind);
      second = await TestKafka.start({
        shortLived: true,
        secondListener: { port: behind, advertisedPort: proxied.port },
      });
    }, 120_000);
    afterAll(async () => {
      await second?.close();
      await proxied?.close();
    });

    test('its late commit is FENCED and moves nothing, what it had intended is known to the next owner', async () => {
      const direct = new KafkaConnection({ brokers: [second.bootstrap] });
      const topic = await ensureTopics(direct, { partitions: 1, replication: 1, retentionMs: 86_400_000 });
      const behind = new KafkaConnection({ brokers: [`127.0.0.1:${proxied.port}`], requestTimeoutMs: 8_000 });
      const [zombie, heir] = [member(topic, 'g', behind), member(topic, 'g', direct)];
      await zombie.start();
      await eventually(() => expect(zombie.held).toEqual([0]), 20_000);
      const range = { partition: 0, first: 0, next: 5 };
      await zombie.offsets.load(0);
      await zombie.offsets.intend(range);

      proxied.hold();
      await heir.start();
      await eventually(() => expect(heir.held).toEqual([0]), 20_000);
      expect(await heir.offsets.load(0)).toEqual({ next: 0, counts: NO_COUNTS, intended: range, lastRow: undefined });
      const counts = { ...NO_COUNTS, counted: 5 };
      await heir.offsets.commit(range, counts);
      const late = zombie.offsets.commit(range, { ...counts, counted: 99 });
      const fenced = expect(late).rejects.toMatchObject({ code: 'FENCED', retryable: false });
      const lease = zombie.membership.lease(0)!;
      const confirmed = zombie.membership.confirmed(lease); // undecided as long as nobody can be asked
      proxied.release();

      await fenced;
      expect(await confirmed).toBe(false);
      expect(await heir.offsets.load(0)).toMatchObject({ next: 5, counts });
      await eventually(() => expect(zombie.happened.some((line) => line.startsWith('lost fenced'))).toBe(true));
      expect(zombie.happened).toContain('lost 0');
    }, 60_000);

    test('a writer that outlives its lease commits nothing under the next one of the same process', async () => {
      const direct = new KafkaConnection({ brokers: [second.bootstrap] });
      const topic = await ensureTopics(direct, { partitions: 1, replication: 1, retentionMs: 86_400_000 });
      const behind = new KafkaConnection({ brokers: [`127.0.0.1:${proxied.port}`], requestTimeoutMs: 8_000 });
      const alone = member(topic, 'alone', behind);
      await alone.start();
      await eventually(() => expect(alone.held).toEqual([0]), 20_000);
      const [old, range] = [alone.offsets, { partition: 0, first: 0, next: 5 }];
      await old.load(0);
      await old.intend(range);
      const lease = alone.membership.lease(0)!;

      proxied.hold(); // until Kafka takes it for dead
      const shared = await KafkaSharedLog.open({ connection: direct, topic, groupId: 'alone' });
      await eventually(async () => expect(await membersOf(second, 'alone')).toBe(0), 20_000);
      proxied.release();
      await eventually(() => expect(lease.held).toBe(false), 20_000);
      await eventually(async () => expect(await alone.offsets.load(0)).toMatchObject({ intended: range }), 20_000);

      const counts = { ...NO_COUNTS, counted: 5 };
      await expect(old.commit(range, { ...counts, counted: 99 })).rejects.toMatchObject({ code: 'FENCED' });
      await expect(old.load(0)).rejects.toMatchObject({ code: 'FENCED' });
      await alone.offsets.commit(range, counts);
      expect(await shared.committed()).toMatchObject([{ next: 5, counts }]);
      await shared.close();
    }, 60_000);

    test('a commit that was on its way when its connection broke is refused when it arrives after later ones', async () => {
      const direct = new KafkaConnection({ brokers: [second.bootstrap] });
      const topic = await ensureTopics(direct, { partitions: 1, replication: 1, retentionMs: 86_400_000 });
      const behind = new KafkaConnection({ brokers: [`127.0.0.1:${proxied.port}`] });
      const alone = member(topic, 'late', behind, 30_000); // no heartbeat goes by meanwhile
      await alone.start();
      await eventually(() => expect(alone.held).toEqual([0]), 20_000);
      const [first, then] = [
        { partition: 0, first: 0, next: 5 },
        { partition: 0, first: 5, next: 9 },
      ];
      await eventually(async () => expect(await alone.offsets.load(0)).toMatchObject({ next: 0 }), 20_000);
      await alone.offsets.intend(first);
      const lease = alone.membership.lease(0)!;

      const stranded = proxied.strand(topic.id); // in the metadata of commits only
      const lost = alone.offsets.commit(first, { ...NO_COUNTS, counted: 5 });
      const refused = expect(lost).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE', retryable: true });
      const land = await stranded;
      await refused;
      const { generation } = alone.membership;
      await alone.offsets.commit(first, { ...NO_COUNTS, counted: 5 });
      await alone.offsets.intend(then);
      await land();
      const shared = await KafkaSharedLog.open({ connection: direct, topic, groupId: 'late' });
      expect(await shared.committed()).toMatchObject([{ next: 5, intended: then }]);
      expect(alone.membership.generation).toBeGreaterThan(generation);
      expect([lease.held, alone.happened.filter((line) => line.startsWith('lost'))]).toEqual([true, []]);
      await shared.close();
    }, 60_000);
  });

  test('an offset set by another tool is refused with a way out, not gone on from', async () => {
    const topic = await rig.topic();
    const groupId = `g${groups++}`;
    await write(topic, 3);
    const admin = rig.connection().admin();
    await admin.connect();
    await admin.setOffsets({ groupId, topic: topic.name, partitions: [{ partition: 0, offset: '2' }] });
    await admin.disconnect();
    const late = member(topic, groupId);
    await late.start();
    await eventually(() => expect(late.failures).toHaveLength(1), 20_000);
    expect(late.failures[0]).toMatchObject({ code: 'OFFSET_BEHIND_DATA' });
    expect(late.delivered).toEqual([]);
  }, 60_000);

  test('events that retention dropped before they were counted stop the partition and are named', async () => {
    const topic = await rig.topic();
    const groupId = `g${groups++}`;
    await write(topic, 3);
    const first = member(topic, groupId);
    await first.start();
    await eventually(() => expect(first.delivered).toHaveLength(3), 20_000);
    await first.server.close();
    await write(topic, 5);
    const admin = rig.connection().admin();
    await admin.connect();
    await admin.fetchTopicOffsets(topic.name); // loads what deleteTopicRecords needs
    await admin.deleteTopicRecords({ topic: topic.name, partitions: [{ partition: 0, offset: '6' }] });
    await admin.disconnect();
    const next = member(topic, groupId);
    await next.start();
    await eventually(() => expect(next.failures).toHaveLength(1), 20_000);
    expect(next.failures[0]).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', message: expect.stringContaining('[3, 6)') });
    expect(next.delivered).toEqual([]);
  }, 60_000);

  test('a topic made anew under the same name is another log: a reader that was in it stops and says so', async () => {
    const prefix = 'anew.';
    const topic = await rig.topic({ prefix });
    await write(topic, 3);
    const reader = member(topic, `g${groups++}`);
    await reader.start();
    await eventually(() => expect(reader.delivered).toHaveLength(3), 20_000);
    const again = await rig.recreate(topic, prefix);
    expect(again.id).not.toBe(topic.id);
    await write(again, 9); // offset 3 exists again, and is another event
    await eventually(() => expect(reader.failures.length).toBeGreaterThan(0), 20_000);
    expect(reader.failures[0]).toMatchObject({ code: 'TOPIC_WRONG', message: expect.stringContaining('made anew') });
    expect(reader.delivered).toHaveLength(3);
  }, 60_000);

  test('a commit that belongs to a topic of another id is refused', () => {
    const commit = { partition: 0, offset: '3', metadata: encodeMetadata('old', { next: 3, counts: NO_COUNTS }) };
    const topic = { name: 'keymeter.events', id: 'new', partitions: 1 };
    expect(() => progressOf(commit, 0, { topic, groupId: 'g' })).toThrow(/was made anew/);
  });

  test('records that are no frames of ours become dead letters and never stop the partition', async () => {
    const topic = await rig.topic();
    const writer = await rig.writer(topic);
    const good = () => frameOf([{ id: `e${count++}`, time: 1 }], Date.now());
    const cut = good().subarray(0, 40);
    for (const value of [good(), Buffer.from('poison'), Buffer.alloc(0), cut, Buffer.alloc(3_000_000, 7), good()]) {
      await writer.append(0, value);
    }
    await writer.close();
    const reader = member(topic, `g${groups++}`);
    await reader.start();
    await eventually(() => expect(reader.delivered).toHaveLength(6), 20_000);
    expect(reader.deadLetters.map(({ offset, bytes }) => [offset, bytes.length])).toEqual([
      [1, 6],
      [2, 0],
      [3, 40],
      [4, 3_000_000],
    ]);
    expect(reader.failures).toEqual([]);
  }, 60_000);

  test('a broker that is killed and started again is waited for, then everything is delivered', async () => {
    const topic = await rig.topic({ partitions: 2 });
    const groupId = `g${groups++}`;
    const reader = member(topic, groupId);
    await reader.start();
    await write(topic, 10);
    await eventually(() => expect(reader.delivered).toHaveLength(20), 20_000);
    await rig.server.kill9();
    await rig.server.restart();
    await write(topic, 10);
    await eventually(() => expect(new Set(reader.delivered).size).toBe(40), 60_000);
    expect(reader.delivered).toHaveLength(40);
    expect(reader.failures).toEqual([]);
  }, 120_000);
});
