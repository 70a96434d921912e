/** No room: on the disk, in the log's own limit. The answer is 503, the process stays up, and goes on by itself. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT_KEY, type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { HttpCaller } from './http-caller.js';
import { testWhere } from './needs.js';
import { misstored, numberedEvents, postEvents } from './numbered-events.js';
import { countedUpTo, settled } from './server-view.js';

const MiB = 1024 * 1024;
const BATCH = 20;

afterAll(() => {
  if (mounted) spawnSync('umount', ['-l', disk]); // before its folder is removed
});

const logDir = temporaryFolder('full-log');
const disk = join(temporaryFolder('full-disk'), 'disk');
mkdirSync(disk);
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=192m', 'tmpfs', disk]).status === 0;
const onSmallDisk = testWhere(mounted, 'mounting a small tmpfs is not permitted: tests of a full disk need it');

interface Filled {
  /** Events acknowledged, counted from number 0. */
  readonly count: number;
  /** Of the last batch that was taken. */
  readonly position: string;
}

/** Sends numbered batches until one is refused. */
async function fill(caller: HttpCaller, first: number, most: number): Promise<Filled> {
  let position = '';
  for (let next = first; next < most; next += BATCH) {
    const result = await postEvents(caller, numberedEvents(BATCH, { first: next, ballast: 10_000 }));
    if (result.kind === 'lost') throw new Error(`the connection was lost: ${result.reason}`);
    if (result.status === 503) {
      expect(Number(result.headers['retry-after'])).toBeGreaterThan(0);
      expect(result.headers['content-type']).toBe('application/problem+json');
      return { count: next, position };
    }
    expect(result.status).toBe(204);
    position = String(result.headers['keymeter-position']);
  }
  throw new Error('the disk never filled up');
}

/** The first batch that is taken again after the cause is gone, within the time. */
async function takenAgain(caller: HttpCaller, first: number, withinMs: number): Promise<number> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const result = await postEvents(caller, numberedEvents(BATCH, { first }));
    if (result.kind === 'answer' && result.status === 204) return first + BATCH;
    if (Date.now() > deadline) throw new Error(`still refused: ${JSON.stringify(result)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function isAlive(caller: HttpCaller): Promise<boolean> {
  const answer = await caller.call('/health/live');
  return answer.kind === 'answer' && answer.status === 200;
}

async function expectAllCounted(standalone: Standalone, caller: HttpCaller, count: number): Promise<void> {
  await settled(caller);
  expect(await misstored(caller, count)).toEqual([]);
  caller.close();
  expect(await standalone.end()).toEqual({ code: 0, signal: null });
}

onSmallDisk(
  'ingest is refused before the disk is full, all acknowledged events stay readable, and room is noticed',
  async () => {
    const filler = join(disk, 'filler');
    writeFileSync(filler, Buffer.alloc(32 * MiB));
    const reserve = 48 * MiB;
    const env = { KEYMETER_DISK_RESERVE_BYTES: String(reserve) };
    const standalone = await startStandalone({ dataDir: join(disk, 'reserve'), env });
    const caller = new HttpCaller(standalone.url, ROOT_KEY);
    const filled = await fill(caller, 0, 20_000);
    const { bavail, bsize } = statfsSync(disk);
    expect(bavail * bsize).toBeGreaterThan(reserve / 2);
    expect(await isAlive(caller)).toBe(true);
    const ready = await caller.call('/health/ready');
    expect(ready).toMatchObject({ kind: 'answer', status: 503, text: expect.stringContaining('disk') });
    await countedUpTo(caller, filled.position);
    expect(await misstored(caller, filled.count)).toEqual([]);
    rmSync(filler);
    await expectAllCounted(standalone, caller, await takenAgain(caller, filled.count, 10_000));
    rmSync(join(disk, 'reserve'), { recursive: true });
  },
  120_000,
);

onSmallDisk(
  'a disk filled to the last byte by someone else loses nothing acknowledged and needs no hand once freed',
  async () => {
    const env = { KEYMETER_DISK_RESERVE_BYTES: '0' };
    const standalone = await startStandalone({ dataDir: join(disk, 'last-byte'), env });
    const caller = new HttpCaller(standalone.url, ROOT_KEY);
    const early = 10 * BATCH;
    for (let first = 0; first < early; first += BATCH) await postEvents(caller, numberedEvents(BATCH, { first }));
    const filler = join(disk, 'filler');
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(filler, Buffer.alloc(bavail * bsize - 2 * MiB));
    const filled = await fill(caller, early, early + 20_000);
    await new Promise((resolve) => setTimeout(resolve, 2_000)); // inserts and checkpoints meet the full disk
    expect(await isAlive(caller)).toBe(true);
    rmSync(filler);
    await expectAllCounted(standalone, caller, await takenAgain(caller, filled.count, 30_000));
    rmSync(join(disk, 'last-byte'), { recursive: true });
  },
  120_000,
);

it('a log at its own limit refuses while the consumer is behind, and goes on when it has caught up', async () => {
  const env = {
    KEYMETER_LOG_MAX_BYTES: String(2 * MiB),
    KEYMETER_LOG_SEGMENT_BYTES: String(256 * 1024),
    KEYMETER_INSERT_MAX_AGE_MS: '8000', // nothing is counted, so nothing may leave the log, for so long
    KEYMETER_INSERT_MAX_ROWS: '500000',
  };
  const standalone = await startStandalone({ dataDir: logDir, env });
  const caller = new HttpCaller(standalone.url, ROOT_KEY);
  const filled = await fill(caller, 0, 20_000);
  expect(await isAlive(caller)).toBe(true);
  expect(standalone.running).toBe(true);
  await expectAllCounted(standalone, caller, await takenAgain(caller, filled.count, 60_000));
}, 120_000);
