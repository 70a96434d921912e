/** More than it can take: refused by limits on unpacked bytes, never by growing. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { ROOT_KEY, type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { HttpCaller } from './http-caller.js';
import { NUMBERED_TYPE, numberedEvents, postEvents } from './numbered-events.js';
import { meterRows, settled } from './server-view.js';

const MiB = 1024 * 1024;
const FLOOD_MS = Number(process.env.KEYMETER_TEST_FLOOD_MS ?? 6_000);
const BATCH = 500;
const SENDERS = 12;
const dataDir = temporaryFolder('overload');
let standalone: Standalone;
let caller: HttpCaller;

beforeAll(async () => {
  const env = { KEYMETER_LOG_MAX_BYTES: String(512 * MiB) };
  standalone = await startStandalone({ dataDir, env });
  caller = new HttpCaller(standalone.url, ROOT_KEY);
  await caller.demand('POST', '/api/v1/meters', { slug: 'numbered', aggregation: 'COUNT', eventType: NUMBERED_TYPE });
}, 60_000);

afterAll(async () => {
  caller.close();
  await standalone.end();
});

function residentBytes(): number {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${standalone.pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

async function total(): Promise<number> {
  await settled(caller);
  const [row] = await meterRows(caller, 'numbered', '');
  return row?.value ?? 0;
}

const hugeBatch = () => Buffer.from(JSON.stringify(numberedEvents(100_001)));
const BATCH_TYPE = { 'content-type': 'application/cloudevents-batch+json' };

it.each([
  ['a batch of 100,001 events', hugeBatch, {}],
  ['200 MB packed into 200 kB', () => gzipSync(Buffer.alloc(200 * MiB, '0')), { 'content-encoding': 'gzip' }],
])('%s is refused whole and without growing by it', async (_, body, headers) => {
  await caller.call('/health/live');
  const bytes = body();
  const before = residentBytes();
  const result = await caller.call('/api/v1/events', {
    method: 'POST',
    headers: { ...BATCH_TYPE, ...headers },
    body: bytes,
  });
  // A refusal before the body was read may close the connection under the sender.
  if (result.kind === 'answer') expect([400, 413, 415]).toContain(result.status);
  expect(residentBytes() - before).toBeLessThan(64 * MiB);
  expect(await total()).toBe(0);
});

it('ingest faster than it can be counted fills the log, not the memory, and all of it is counted', async () => {
  const samples: number[] = [];
  const sampler = setInterval(() => samples.push(residentBytes()), 200);
  const until = Date.now() + FLOOD_MS;
  let next = 0;
  let acknowledged = 0;
  const statuses = new Set<number>();
  const flood = async () => {
    while (Date.now() < until) {
      const first = next;
      next += BATCH;
      const result = await postEvents(caller, numberedEvents(BATCH, { first }));
      if (result.kind === 'lost') throw new Error(result.reason);
      statuses.add(result.status);
      if (result.status === 204) acknowledged += BATCH;
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, flood));
  clearInterval(sampler);
  const half = samples.length >> 1;
  const [early, late] = [Math.max(...samples.slice(0, half)), Math.max(...samples.slice(half))];
  const seconds = FLOOD_MS / 1000;
  const figures = {
    perSecond: acknowledged / seconds,
    earlyMiB: Math.round(early / MiB),
    lateMiB: Math.round(late / MiB),
  };
  process.stderr.write(`flood: ${JSON.stringify(figures)}\n`);
  expect([...statuses].filter((status) => ![204, 429, 503].includes(status))).toEqual([]);
  expect(late).toBeLessThan(1.3 * early + 64 * MiB);
  expect(late).toBeLessThan(1_536 * MiB);
  expect(acknowledged).toBeGreaterThan(0);
  expect(await total()).toBe(acknowledged);
}, 180_000);
