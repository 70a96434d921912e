/** What a start does with a data folder that is torn, damaged, foreign, in use or too new. */
import { appendFileSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launchStandalone, ROOT_KEY, type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { folderDigest } from './folder-digest.js';
import { HttpCaller } from './http-caller.js';
import { misstored, numberedEvents, postEvents } from './numbered-events.js';
import { appendRecord, flipByte, recordsIn, segmentFiles } from './segments.js';
import { allDeadLetters, settled } from './server-view.js';

const BATCHES = 20;
const folder = temporaryFolder('damaged');
const original = join(folder, 'original');

beforeAll(async () => {
  const standalone = await startStandalone({ dataDir: original });
  const caller = callerOf(standalone);
  for (let i = 0; i < BATCHES; i++) await postEvents(caller, numberedEvents(1, { first: i }));
  await settled(caller);
  await standalone.end('SIGKILL');
}, 60_000);

function callerOf(standalone: Standalone): HttpCaller {
  return new HttpCaller(standalone.url, ROOT_KEY);
}

function copyOf(name: string): string {
  const dataDir = join(folder, name);
  cpSync(original, dataDir, { recursive: true, filter: (path) => !path.endsWith('.sock') });
  return dataDir;
}

function newestSegment(dataDir: string): string {
  return segmentFiles(dataDir).at(-1) as string;
}

async function refusal(dataDir: string): Promise<string> {
  const standalone = launchStandalone({ dataDir });
  expect(await standalone.exited).toEqual({ code: 2, signal: null });
  expect(standalone.logs).not.toMatch(/^ {4}at /m); // a sentence, no stack
  return standalone.logs;
}

it('a record torn at the end of the log is cut, and everything before it is served', async () => {
  const dataDir = copyOf('torn');
  const bytes = readFileSync(newestSegment(dataDir));
  const [record] = recordsIn(newestSegment(dataDir));
  appendFileSync(newestSegment(dataDir), bytes.subarray(0, (record?.bytes ?? 0) - 5));
  const standalone = await startStandalone({ dataDir });
  const caller = callerOf(standalone);
  await postEvents(caller, numberedEvents(1, { first: BATCHES }));
  await settled(caller);
  expect(await misstored(caller, BATCHES + 1)).toEqual([]);
  await standalone.end();
});

it('a tail of zeros, as file systems leave it after a power cut, is cut', async () => {
  const dataDir = copyOf('zeros');
  appendFileSync(newestSegment(dataDir), Buffer.alloc(4096));
  const standalone = await startStandalone({ dataDir });
  expect(await misstored(callerOf(standalone), BATCHES)).toEqual([]);
  await standalone.end();
});

it('damage with intact records behind it refuses the start, names file and byte, and changes nothing', async () => {
  const dataDir = copyOf('flipped');
  const segment = newestSegment(dataDir);
  const place = recordsIn(segment)[5];
  flipByte(segment, (place?.at ?? 0) + 40);
  const before = folderDigest(join(dataDir, 'log'));
  const reason = await refusal(dataDir);
  expect(reason).toContain(segment);
  expect(reason).toContain(`byte ${place?.at}`);
  expect(folderDigest(join(dataDir, 'log'))).toBe(before);
});

it('a record that is no frame becomes a dead letter with its bytes, and the records behind it are counted', async () => {
  const dataDir = copyOf('poison');
  const poison = [
    Buffer.from('no frame at all'),
    Buffer.from('KMF\x09 an unknown version of a frame'),
    Buffer.alloc(0),
  ];
  for (const value of poison) appendRecord(newestSegment(dataDir), value);
  const standalone = await startStandalone({ dataDir });
  const caller = callerOf(standalone);
  await postEvents(caller, numberedEvents(1, { first: BATCHES }));
  await settled(caller);
  expect(await misstored(caller, BATCHES + 1)).toEqual([]);
  const letters = await allDeadLetters(caller);
  expect(letters.map(({ reason }) => reason)).toEqual(poison.map(() => 'undecodable'));
  expect(letters.map(({ bytes }) => Buffer.from(bytes, 'base64').toString('latin1')).sort()).toEqual(
    poison.map((value) => value.toString('latin1')).sort(),
  );
  await standalone.end();
});

it('a folder of a newer format is refused and left untouched', async () => {
  const dataDir = copyOf('newer');
  writeFileSync(join(dataDir, 'format.json'), '{"format":99}');
  const before = folderDigest(dataDir);
  expect(await refusal(dataDir)).toMatch(/format 99/);
  expect(folderDigest(dataDir)).toBe(before);
});

it('a second process on the same folder is refused by a sentence, and the first one goes on', async () => {
  const dataDir = copyOf('shared');
  const first = await startStandalone({ dataDir });
  expect(await refusal(dataDir)).toMatch(/in use by another keymeter process/);
  expect(await misstored(callerOf(first), BATCHES)).toEqual([]);
  await first.end();
});

it('a usage store that lags behind the log, as after a power loss, is brought up from the log', async () => {
  const dataDir = copyOf('lagging');
  const lagging = ['usage', 'progress'];
  const first = await startStandalone({ dataDir });
  await postEvents(callerOf(first), numberedEvents(10, { first: BATCHES }));
  await settled(callerOf(first));
  await first.end('SIGKILL');
  for (const name of lagging) {
    rmSync(join(dataDir, name), { recursive: true });
    cpSync(join(original, name), join(dataDir, name), { recursive: true });
  }
  const standalone = await startStandalone({ dataDir });
  const caller = callerOf(standalone);
  await settled(caller);
  expect(await misstored(caller, BATCHES + 10)).toEqual([]);
  await standalone.end();
});

it('usage without its progress is refused: the same events would count again', async () => {
  const dataDir = copyOf('no-progress');
  rmSync(join(dataDir, 'progress'), { recursive: true });
  const standalone = launchStandalone({ dataDir });
  const { code } = await standalone.exited;
  expect(code).not.toBe(0);
  expect(standalone.logs).toContain('holds events up to offset');
});
