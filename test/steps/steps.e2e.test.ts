/**
 * The consumer process struck between every two of its steps, over real Kafka: killed, or made to stand still until
 * another one has its partitions. Whatever the point, every event counts once in raw, in every rollup and in every answer.
 */
import type { KafkaEventLogWriter } from '#adapters/kafka/kafka-event-log-writer.js';
import type { EventsTopic } from '#adapters/kafka/kafka-topics.js';
import type { FullyReconciled } from '#stream/reconciliation.js';
import { ConsumerRig } from '../support/consumer-rig.js';
import { EventLedger } from '../support/event-ledger.js';
import { describeWithKafka } from '../support/kafka-server.js';
import { reconciled, type StoreTotals, storeTotals } from '../support/store-totals.js';
import { type Blow, PARTITIONS, type StepRun, StepRunner, subjectOf } from './step-run.js';
import { nameOf, POINTS } from './steps.js';

const suite = await describeWithKafka();
const RUN_MS = 480_000;
const BLOWS: Blow[] = ['killed', 'stood still'];

suite('a consumer', () => {
  const rig = ConsumerRig.forTests({
    KEYMETER_KAFKA_PARTITIONS: String(PARTITIONS),
    KEYMETER_KAFKA_SESSION_MS: '3000',
    KEYMETER_INSERT_MAX_AGE_MS: '300',
    KEYMETER_SHUTDOWN_MS: '120000',
  });
  const ledger = new EventLedger();
  let topic: EventsTopic;
  let writer: KafkaEventLogWriter;

  /** What all runs begin with: a range of each partition, counted by a process that then ends without a word. */
  beforeAll(async () => {
    topic = await rig.topic(PARTITIONS);
    writer = await rig.writer(topic);
    const before = rig.start();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const records = ledger.range(partition, `before ${partition}`, Date.now());
      await Promise.all(records.map((record) => writer.append(partition, record)));
    }
    await rig.settled(topic);
    await before.end('SIGKILL');
  }, RUN_MS);
  afterAll(() => writer?.close());

  describe.each(BLOWS)('that is %s', (blow) => {
    let run: StepRun;
    let store: StoreTotals;
    let accounts: FullyReconciled;

    beforeAll(async () => {
      const startedAt = performance.now();
      run = await new StepRunner(rig, topic, writer, ledger, blow).run();
      store = await storeTotals(rig.sql);
      accounts = await reconciled(rig, topic);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      process.stderr.write(`steps: ${POINTS.length} points, consumer ${blow}: ${seconds} s\n`);
    }, RUN_MS);

    test.each(POINTS.map((point, partition) => ({ name: nameOf(point), point, partition })))(
      '$name: every event counts once',
      ({ point, partition }) => {
        const subject = subjectOf(blow, point);
        const { total, windows } = ledger.subject(subject);
        expect(store.raw.get(subject)).toEqual({ total, windows, ids: total.events });
        expect(store.rollups.get(subject)?.windows).toEqual(windows);
        expect(store.query.get(subject)?.windows).toEqual(windows);
        const { conflicts, undecodable } = ledger.partition(partition);
        expect([store.letters[`${partition} conflict`], store.letters[`${partition} undecodable`]]).toEqual([
          conflicts,
          undecodable,
        ]);
        expect(accounts.totals.find((of) => of.partition === partition)).toMatchObject(ledger.partition(partition));
      },
    );

    test('log, books and tables agree, and nothing but the ledger is in them', () => {
      expect(accounts.differences).toEqual([]);
      for (const found of [store.raw, store.rollups, store.query]) {
        expect([...found.keys()].sort()).toEqual([...ledger.subjects].sort());
      }
    });

    test('every call of a port that a partition took part in is a step that is listed', () => {
      expect(run.all.flatMap(({ unknown }) => unknown)).toEqual([]);
    });

    if (blow === 'stood still') {
      test('each that stood still is told that its partitions are another one’s', () => {
        for (const { process: zombie } of run.struck.slice(0, 2)) expect(zombie.logs).toContain('fenced (');
      });
    }
  });
});
