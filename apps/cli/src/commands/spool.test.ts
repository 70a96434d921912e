import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDataFolder } from '#adapters/embedded/data-folder.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import { frameOf } from '../../../../test/support/event-rows.js';
import { cli } from '../cli-with-server.fixture.js';

const ACCEPTED = Date.UTC(2026, 0, 31, 12);
const MINUTE_MS = 60_000;
const CLUSTER = {
  KEYMETER_KAFKA_BROKERS: '127.0.0.1:1',
  KEYMETER_REDIS_NODES: '127.0.0.1:1',
  KEYMETER_CLICKHOUSE_URL: 'http://127.0.0.1:1',
};

/** A node's folder with as many frames of two events each, of which the first `sent` are in the log. */
async function nodeWith(frames: number, sent = 0, segmentBytes = 1e8): Promise<string> {
  const folder = cli.path('node');
  mkdirSync(folder);
  const options = { folder: join(folder, 'spool'), partitions: 1, segmentBytes, maxBytes: 1e9, reserveBytes: 0 };
  const writer = await SegmentLogWriter.open(options);
  for (let n = 0; n < frames; n++) {
    const events = [`a${n}`, `b${n}`].map((id) => ({ id, time: ACCEPTED }));
    await writer.append(0, frameOf(events, ACCEPTED + n * MINUTE_MS));
  }
  await writer.close();
  if (sent > 0) writeFileSync(join(folder, 'spool-sent'), String(sent));
  return folder;
}

const segments = (folder: string) =>
  readdirSync(join(folder, 'spool', 'p0')).map((name) => join(folder, 'spool/p0', name));
const run = (...args: string[]) => cli.run('http://127.0.0.1:1', args, { env: CLUSTER });
const shown = async (folder: string) => JSON.parse((await run('spool', 'show', folder, '--json')).stdout);

test('show tells what waits, from when, and that no node runs, and changes nothing', async () => {
  const folder = await nodeWith(5, 2);
  const before = segments(folder).map((file) => readFileSync(file));
  expect(await shown(folder)).toMatchObject({
    inUse: false,
    waiting: { frames: 3, events: 6, oldest: ACCEPTED + 2 * MINUTE_MS, newest: ACCEPTED + 4 * MINUTE_MS },
    damaged: [],
  });
  const { code, stdout } = await run('spool', 'show', folder);
  expect(code).toBe(0);
  expect(stdout).toContain('6 events in 3 frames');
  expect(stdout).toContain('2026-01-31T12:02:00Z');
  expect(segments(folder).map((file) => readFileSync(file))).toEqual(before);
});

test('show names a torn end, which is no fault, and damage in the middle with what follows it', async () => {
  const folder = await nodeWith(4);
  const [file] = segments(folder) as [string];
  appendFileSync(file, Buffer.alloc(7, 1));
  const torn = await run('spool', 'show', folder);
  expect(torn.code).toBe(0);
  expect(torn.stdout).toContain('it will be cut');
  const bytes = readFileSync(file);
  bytes[40] = (bytes[40] as number) ^ 1; // inside the first record
  writeFileSync(file, bytes);
  const damaged = await run('spool', 'show', folder);
  expect(damaged.code).toBe(1);
  expect(damaged.stdout).toContain(`${file}, byte 0, record 0`);
  expect(await shown(folder)).toMatchObject({
    waiting: { frames: 3, events: 6 },
    damaged: [
      { file, byte: 0, offset: 0, torn: false },
      { file, torn: true },
    ],
  });
});

test('damage in one of several files is named with its file, and the files behind it are read', async () => {
  const folder = await nodeWith(6, 0, 300);
  const files = segments(folder);
  expect(files.length).toBeGreaterThan(2);
  const [, second] = files as [string, string];
  writeFileSync(second, readFileSync(second).subarray(0, 20));
  const { damaged, waiting } = await shown(folder);
  expect(damaged).toMatchObject([{ file: second, torn: false }]);
  expect(waiting.frames).toBeLessThan(6);
  expect(waiting.newest).toBe(ACCEPTED + 5 * MINUTE_MS);
});

test('drain refuses while the node that owns the folder runs, with one sentence', async () => {
  const folder = await nodeWith(1);
  const held = await openDataFolder(folder);
  try {
    expect(await shown(folder)).toMatchObject({ inUse: true });
    const { code, stderr } = await run('spool', 'drain', folder);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^keymeter: The data folder .* is in use by another keymeter process[^\n]*\n$/);
  } finally {
    held.release();
  }
});

test('drain without the servers of the cluster says which are missing and sends nothing', async () => {
  const folder = await nodeWith(1);
  const { code, stderr } = await cli.run('http://127.0.0.1:1', ['spool', 'drain', folder]);
  expect(code).toBe(2);
  expect(stderr).toContain('KEYMETER_KAFKA_BROKERS');
  expect(stderr.trimEnd()).not.toContain('\n');
});
