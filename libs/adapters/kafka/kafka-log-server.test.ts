import { Controller, Module, UseFilters } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { KeymeterError } from '#domain/errors.js';
import { FailurePasses } from '#runtime/failure-passes.js';
import { FRAMES_DECIDED } from '#runtime/frame-transport.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { frameOf } from '../../../test/support/event-rows.js';
import { eventually } from '../../../test/support/eventually.js';
import { KafkaRig } from '../../../test/support/kafka-rig.js';
import { describeWithKafka } from '../../../test/support/kafka-server.js';
import { GroupMembership } from './group-membership.js';
import { KafkaLogServer } from './kafka-log-server.js';

const describeKafka = await describeWithKafka();
const taken: number[] = [];
let failure: Error | undefined;

@Controller()
@UseFilters(FailurePasses)
class Handler {
  @EventPattern(FRAMES_DECIDED)
  async take(@Payload() frames: readonly DecidedFrame[]): Promise<void> {
    if (failure) throw failure;
    taken.push(...frames.map(({ offset }) => offset));
  }
}

@Module({ controllers: [Handler] })
class Handlers {}

describeKafka('the Kafka log server as a Nest transport', () => {
  const rig = KafkaRig.forTests();

  test('a handler is given every frame once, in log order; a failure that passes is repeated, another one reported, nothing is passed over', async () => {
    const topic = await rig.topic();
    const writer = await rig.writer(topic);
    const failures: unknown[] = [];
    const retried: KeymeterError[] = [];
    let start = 2;
    const membership = new GroupMembership({ connection: rig.connection(), topic, groupId: 'nest' });
    const strategy = new KafkaLogServer({
      membership,
      deduplicator: new Deduplicator({ withHashes: async () => [], async *identityHashes() {} }),
      worker: { assigned: async () => start, released: async () => undefined, lost: () => undefined },
      onFailed: (error) => failures.push(error),
      onRetry: (error) => retried.push(error),
    });
    const append = (id: string) => writer.append(0, frameOf([{ id, time: 1 }], Date.now()));
    for (const id of ['a', 'b', 'c']) await append(id);
    const app = await NestFactory.createMicroservice(Handlers, { logger: false, strategy });
    await app.listen();
    for (const id of ['d', 'e']) await append(id);
    await eventually(() => expect(taken).toEqual([2, 3, 4]), 20_000);
    expect(strategy.partitions).toMatchObject([{ partition: 0, next: 5, lag: 0, stuckMs: 0 }]);
    start = 5;
    const passing = new KeymeterError('STORE_UNAVAILABLE', 'the store is away', { retryable: true });
    failure = passing;
    await append('f');
    await eventually(() => expect(retried).toContain(passing), 20_000);
    failure = undefined;
    await eventually(() => expect(taken).toEqual([2, 3, 4, 5]), 20_000);
    const forGood = new Error('the store is gone for good');
    failure = forGood;
    await append('g');
    await eventually(() => expect(failures).toEqual([forGood]), 20_000);
    failure = undefined;
    await append('h');
    expect(strategy.partitions).toMatchObject([{ partition: 0, next: 6 }]);
    await app.close();
    await writer.close();
    expect(taken).toEqual([2, 3, 4, 5]);
  }, 60_000);
});
