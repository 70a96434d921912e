import { appendFileSync, readdirSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { SegmentLogReader } from './segment-log-reader.js';
import { SegmentLogWriter } from './segment-log-writer.js';

const root = temporaryFolder('segment-files');
const random = randomFrom(drawSeed('segment log'));
let count = 0;

const open = (folder: string, options: { maxBytes?: number; reserveBytes?: number } = {}) =>
  SegmentLogWriter.open({ folder, partitions: 1, segmentBytes: 4096, maxBytes: 1e9, reserveBytes: 0, ...options });

function newestSegment(folder: string): string {
  const names = readdirSync(join(folder, 'p0')).sort();
  return join(folder, 'p0', names.at(-1)!);
}

async function filled(records: number): Promise<string> {
  const folder = join(root, String(count++));
  const writer = await open(folder);
  for (let i = 0; i < records; i++) await writer.append(0, Buffer.from(`record ${i}`));
  await writer.close();
  return folder;
}

test('a torn tail of any length is cut and writing goes on behind the last whole record', async () => {
  for (let round = 0; round < 20; round++) {
    const folder = await filled(3);
    const path = newestSegment(folder);
    const whole = statSync(path).size / 3;
    const cut = 1 + Math.floor(random() * (whole - 1));
    truncateSync(path, statSync(path).size - cut);
    const writer = await open(folder);
    expect(writer.highWatermark(0)).toBe(2);
    expect(await writer.append(0, Buffer.from('next'))).toBe(2);
    const reader = new SegmentLogReader(folder, writer.watermarks.shared);
    expect((await reader.read(0, 0, 10_000)).map(({ value }) => value.toString())).toEqual([
      'record 0',
      'record 1',
      'next',
    ]);
    await reader.close();
    await writer.close();
  }
});

test('random bytes behind the last record are cut', async () => {
  const folder = await filled(2);
  appendFileSync(newestSegment(folder), Buffer.from(Array.from({ length: 500 }, () => Math.floor(random() * 256))));
  const writer = await open(folder);
  expect(writer.highWatermark(0)).toBe(2);
  expect(writer.cutBytes).toBe(500);
  await writer.close();
});

test('a flipped byte with intact records behind it stops the start and names file and byte', async () => {
  for (let round = 0; round < 20; round++) {
    const folder = await filled(5);
    const path = newestSegment(folder);
    const bytes = readFileSync(path);
    const at = Math.floor(random() * (bytes.length * 0.7));
    bytes[at]! ^= 1 << Math.floor(random() * 8);
    writeFileSync(path, bytes);
    await expect(open(folder)).rejects.toMatchObject({ code: 'LOG_DAMAGED', message: expect.stringContaining(path) });
  }
});

test('a flipped byte in an older segment stops the reader, never skips', async () => {
  const folder = await filled(400);
  const oldest = join(folder, 'p0', readdirSync(join(folder, 'p0')).sort()[0]!);
  const bytes = readFileSync(oldest);
  bytes[100]! ^= 4;
  writeFileSync(oldest, bytes);
  const writer = await open(folder);
  const reader = new SegmentLogReader(folder, writer.watermarks.shared);
  const readAll = async () => {
    for (let at = 0; at < 400; ) at += (await reader.read(0, at, 1000)).length;
  };
  await expect(readAll()).rejects.toMatchObject({ code: 'LOG_DAMAGED' });
  await reader.close();
  await writer.close();
});

test('at the byte limit appends are refused, and taken again once consumed segments are dropped', async () => {
  const folder = join(root, String(count++));
  const writer = await open(folder, { maxBytes: 20_000 });
  const acknowledged: number[] = [];
  await expect(
    (async () => {
      for (;;) acknowledged.push(await writer.append(0, Buffer.alloc(500)));
    })(),
  ).rejects.toMatchObject({ code: 'LOG_FULL', retryable: true });
  expect(writer.refusal()?.code).toBe('LOG_FULL');
  const reader = new SegmentLogReader(folder, writer.watermarks.shared);
  expect((await reader.read(0, 0, 1e6)).length).toBeGreaterThan(0);
  expect(writer.highWatermark(0)).toBe(acknowledged.length);

  writer.trim(0, acknowledged.length, () => false);
  expect(writer.refusal()).toBeUndefined();
  expect(await writer.append(0, Buffer.from('again'))).toBe(acknowledged.length);
  expect(writer.watermarks.low(0)).toBeGreaterThan(0);
  await expect(reader.read(0, 0, 100)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
  await reader.close();
  await writer.close();
});

test('records not yet consumed are never dropped', async () => {
  const folder = await filled(400);
  const writer = await open(folder);
  writer.trim(0, 150, () => true);
  expect(writer.watermarks.low(0)).toBeLessThanOrEqual(150);
  await writer.close();
});

test('with less room on the disk than the reserve appends are refused before the disk is full', async () => {
  const writer = await open(join(root, String(count++)), { reserveBytes: Number.MAX_SAFE_INTEGER });
  await expect(writer.append(0, Buffer.from('x'))).rejects.toMatchObject({ code: 'DISK_FULL', retryable: true });
  await writer.close();
});

test('an append after close is rejected and is not in the log', async () => {
  const folder = join(root, String(count++));
  const writer = await open(folder);
  await writer.append(0, Buffer.from('kept'));
  await writer.close();
  await expect(writer.append(0, Buffer.from('late'))).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
  const again = await open(folder);
  expect(again.highWatermark(0)).toBe(1);
  await again.close();
});

test('a next segment that cannot be made refuses what is queued, and none of it appears later', async () => {
  const folder = join(root, String(count++));
  const writer = await open(folder);
  await writer.append(0, Buffer.alloc(5000)); // more than a segment: the next append begins another one
  renameSync(join(folder, 'p0'), join(folder, 'moved'));
  const refused = [1, 2, 3].map((n) => writer.append(0, Buffer.from(`refused ${n}`)));
  for (const append of refused) await expect(append).rejects.toMatchObject({ retryable: true });
  renameSync(join(folder, 'moved'), join(folder, 'p0'));
  await writer.checkRoom();
  expect(await writer.append(0, Buffer.from('taken'))).toBe(1);
  await writer.close();
});

test('while its folder is not to be seen the log takes nothing and says why; when it is back, it goes on', async () => {
  const folder = join(root, String(count++));
  const writer = await open(folder);
  await writer.append(0, Buffer.from('kept'));
  renameSync(folder, `${folder}-moved`);
  await writer.checkRoom();
  expect(writer.refusal()).toEqual({ code: 'LOG_UNAVAILABLE', detail: "The event log's folder cannot be reached." });
  await expect(writer.append(0, Buffer.from('refused'))).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
  renameSync(`${folder}-moved`, folder);
  await writer.checkRoom();
  expect(await writer.append(0, Buffer.from('taken'))).toBe(1);
  await writer.close();
});

test('a reader that is closed while it reads still gives what it was reading, and nothing after that', async () => {
  const folder = await filled(50);
  const writer = await open(folder);
  const reader = new SegmentLogReader(folder, writer.watermarks.shared);
  // Finding offset 40 takes a read of the file for each record before it: the close falls between two of them.
  const reading = reader.read(0, 40, 10_000);
  await reader.close();
  expect((await reading).map(({ offset }) => offset)).toEqual([40, 41, 42, 43, 44, 45, 46, 47, 48, 49]);
  expect(await reader.read(0, 40, 10_000)).toEqual([]);
  await writer.close();
});
