import { Controller, Module, UseFilters } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { frameOf } from '../../test/support/event-rows.js';
import { eventually } from '../../test/support/eventually.js';
import { temporaryFolder } from '../../test/support/temp-folder.js';
import { EventLogServer } from './event-log-server.js';
import { FailurePasses } from './failure-passes.js';
import { FRAMES_DECIDED } from './frame-transport.js';

const folder = temporaryFolder('event-log-server');
const taken: Record<'first' | 'second', number[]> = { first: [], second: [] };

@Controller()
class First {
  @EventPattern(FRAMES_DECIDED)
  async take(@Payload() frames: readonly DecidedFrame[]): Promise<void> {
    taken.first.push(...frames.map(({ offset }) => offset));
  }
}

@Controller()
class Second {
  @EventPattern(FRAMES_DECIDED)
  async take(@Payload() frames: readonly DecidedFrame[]): Promise<void> {
    await Promise.resolve();
    taken.second.push(...frames.map(({ offset }) => offset));
  }
}

@Module({ controllers: [First, Second] })
class Handlers {}

test('every handler is given every frame exactly once, in log order', async () => {
  const log = await SegmentLogWriter.open({ folder, partitions: 1, segmentBytes: 1e6, maxBytes: 1e9, reserveBytes: 0 });
  const reader = new SegmentLogReader(folder, log.watermarks.shared);
  const nothingStored = { withHashes: async () => [], async *identityHashes() {} };
  const failures: unknown[] = [];
  const strategy = new EventLogServer({
    reader,
    deduplicator: new Deduplicator(nothingStored),
    startOffset: () => 0,
    onFailed: (error) => failures.push(error),
  });
  const app = await NestFactory.createMicroservice(Handlers, { logger: false, strategy });
  for (let i = 0; i < 5; i++) await log.append(0, frameOf([{ id: `a${i}`, time: 1 }], 1));
  await app.listen();
  for (let i = 0; i < 5; i++) await log.append(0, frameOf([{ id: `b${i}`, time: 1 }], 1));
  await eventually(() => expect(taken.second).toHaveLength(10));
  await app.close();
  await log.close();
  expect(taken).toEqual({ first: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], second: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] });
  expect(failures).toEqual([]);
});

const GONE = new Error('the store is gone for good');

@Controller()
@UseFilters(FailurePasses)
class Failing {
  @EventPattern(FRAMES_DECIDED)
  async take(@Payload() _frames: unknown): Promise<void> {
    throw GONE;
  }
}

@Module({ controllers: [Failing] })
class FailingHandlers {}

@Module({ controllers: [First, Failing] })
class FailingSecond {}

@Module({ controllers: [Failing, First] })
class FailingFirst {}

test.each([
  ['the only one', FailingHandlers],
  ['the first of two', FailingFirst],
  ['the second of two', FailingSecond],
])(
  'a handler that cannot go on, %s, stops the reading and is reported as it failed, its frames are not passed over',
  async (name, handlers) => {
    const path = `${folder}/${name}`;
    const log = await SegmentLogWriter.open({
      folder: path,
      partitions: 1,
      segmentBytes: 1e6,
      maxBytes: 1e9,
      reserveBytes: 0,
    });
    const failures: unknown[] = [];
    const strategy = new EventLogServer({
      reader: new SegmentLogReader(path, log.watermarks.shared),
      deduplicator: new Deduplicator({ withHashes: async () => [], async *identityHashes() {} }),
      startOffset: () => 0,
      onFailed: (error) => failures.push(error),
    });
    const app = await NestFactory.createMicroservice(handlers, { logger: false, strategy });
    await app.listen();
    await log.append(0, frameOf([{ id: 'a', time: 1 }], 1));
    await eventually(() => expect(failures).toHaveLength(1));
    expect(failures[0]).toBe(GONE);
    await app.close();
    await log.close();
  },
);
