import { join } from 'node:path';
import type { RootDatabase } from 'lmdb';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbEngineSnapshotStore } from '#adapters/lmdb/lmdb-engine-snapshot-store.js';
import type { Position } from '#domain/log/position.js';
import type { EnginePart } from '#domain/policies/engine-snapshot.js';
import { EnforcementSink } from '#ports/enforcement-sink.js';
import { eventually } from '../../../../test/support/eventually.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';
import { FoldRunner, type PartitionFold } from './fold-runner.js';

const root = temporaryFolder('fold-runner');
let round = 0;
let environment: RootDatabase;
let snapshots: LmdbEngineSnapshotStore;
let clock: ManualClock;

beforeEach(async () => {
  environment = await openEnvironment(join(root, String(round++)));
  snapshots = new LmdbEngineSnapshotStore(environment);
  clock = new ManualClock(0);
});
afterEach(() => environment.close());

/** Counts records; telling others of them waits for `gate`. */
class Count implements PartitionFold<Position> {
  readonly isWhole = true;
  count = 0;
  waiting = 0;
  follows = 0;
  gate: Promise<void> = Promise.resolve();

  apply(): number {
    this.count++;
    return 1;
  }

  async told(): Promise<void> {
    this.waiting++;
    await this.gate;
    this.waiting--;
  }

  nextPart(): EnginePart {
    return { bytes: Buffer.from([this.count]), follows: this.follows++ };
  }

  partsLost(): void {
    this.follows = 0;
  }
}

class NoSink extends EnforcementSink {
  async enforce(): Promise<'known'> {
    return 'known';
  }
}

class Counts extends FoldRunner<Position, Count> {
  open(partition: number): Count {
    const fold = new Count();
    this.hold(partition, fold, 0);
    return fold;
  }
}

const runnerOf = () => new Counts(snapshots, new NoSink(), clock, { snapshotEveryMs: 1_000, snapshotEveryEvents: 1e9 });

test('while one partition is in the middle of a batch no snapshot is taken of it, also when another one has ended', async () => {
  const runner = runnerOf();
  const [slow] = [runner.open(0), runner.open(1)];
  let open = () => {};
  slow.gate = new Promise((resolve) => {
    open = resolve;
  });
  const taking = runner.take([{ partition: 0, offset: 0 }]);
  await eventually(() => expect(slow.waiting).toBe(1));
  await runner.take([{ partition: 1, offset: 0 }]);
  clock.advance(2_000);
  await runner.rest();
  expect(await snapshots.load(0)).toBeUndefined(); // what it caused is not told yet
  open();
  await taking;
  clock.advance(2_000);
  await runner.rest();
  expect(await snapshots.load(0)).toMatchObject({ nextOffset: 1 });
});

test('a partition that is lost in the middle of a batch is not snapshot any more, and the others go on', async () => {
  const runner = runnerOf();
  const lost = runner.open(0);
  runner.open(1);
  let open = () => {};
  lost.gate = new Promise((resolve) => {
    open = resolve;
  });
  clock.advance(2_000);
  const taking = runner.take([{ partition: 0, offset: 0 }]);
  await eventually(() => expect(lost.waiting).toBe(1));
  runner.drop(0);
  open();
  await taking;
  await runner.take([{ partition: 0, offset: 1 }]);
  await runner.take([{ partition: 1, offset: 0 }]);
  expect(await snapshots.load(0)).toBeUndefined();
  expect(await snapshots.load(1)).toMatchObject({ nextOffset: 1 });
  expect(lost.count).toBe(1);
});

test('each snapshot is stored behind the parts before it; where they are gone, or another process saved, the whole state is', async () => {
  const runner = runnerOf();
  runner.open(0);
  const take = async (offset: number) => {
    clock.advance(2_000);
    await runner.take([{ partition: 0, offset }]);
    return (await snapshots.load(0))?.parts.map(({ bytes }) => Number(bytes[0]));
  };
  expect(await take(0)).toEqual([1]);
  expect(await take(1)).toEqual([1, 2]);
  expect(await take(2)).toEqual([1, 2, 3]);
  for (const nextOffset of [7, 8]) await snapshots.save(0, { nextOffset, bytes: Buffer.from([99]) });
  expect(await take(3)).toEqual([4]); // the fourth part had nothing to follow
  expect(await take(4)).toEqual([4, 5]);
  runner.snapshotsLost();
  expect(await take(5)).toEqual([6]);
});
