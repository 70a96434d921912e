/** The same event again: at once, after a restart, with another payload, long after its time. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT_KEY, type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { HttpCaller } from './http-caller.js';
import { misstored, NUMBERED_TYPE, numberedEvents, postEvents } from './numbered-events.js';
import { allDeadLetters, allEvents, meterRows, settled } from './server-view.js';

const DAY_MS = 86_400_000;
const REPRESENTATION = { prefer: 'return=representation' };
const dataDir = temporaryFolder('repeats');
let standalone: Standalone;
let caller: HttpCaller;

beforeAll(async () => {
  await start();
  const meter = { slug: 'numbered', aggregation: 'COUNT', eventType: NUMBERED_TYPE };
  await caller.demand('POST', '/api/v1/meters', meter);
}, 60_000);

async function start(): Promise<void> {
  standalone = await startStandalone({ dataDir });
  caller = new HttpCaller(standalone.url, ROOT_KEY);
}

async function restart(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
  caller.close();
  await standalone.end(signal);
  await start();
}

async function fatesOf(events: readonly object[]): Promise<string[]> {
  const result = await postEvents(caller, events, REPRESENTATION);
  if (result.kind === 'lost' || result.status !== 200) throw new Error(JSON.stringify(result));
  return (JSON.parse(result.text) as { events: { status: string }[] }).events.map(({ status }) => status);
}

/** One event of type `crash.conflict` with this payload. */
function conflicting(id: string, value: number): object {
  return { specversion: '1.0', id, source: 'crash/conflict', type: 'crash.conflict', subject: 's', data: { value } };
}

it('a batch delivered many times at once is accepted once, and every sender learns which delivery it was', async () => {
  const batch = numberedEvents(50);
  const deliveries = await Promise.all(Array.from({ length: 8 }, () => fatesOf(batch)));
  for (const i of batch.keys()) {
    const fates = deliveries.map((fates) => fates[i]).sort();
    expect(fates).toEqual(['accepted', ...Array(7).fill('duplicate')]);
  }
  await settled(caller);
  expect(await misstored(caller, 50)).toEqual([]);
});

it('a batch delivered again after a kill is known', async () => {
  await restart();
  expect(new Set(await fatesOf(numberedEvents(50)))).toEqual(new Set(['duplicate']));
  expect(await misstored(caller, 50)).toEqual([]);
});

it('of two payloads under one id the first stands, whichever it is, across a kill and after a full replay', async () => {
  const sent = { ab: [1, 2], ba: [2, 1] } as const;
  for (const [id, [first]] of Object.entries(sent))
    expect(await fatesOf([conflicting(id, first)])).toEqual(['accepted']);
  await restart();
  for (const [id, [, second]] of Object.entries(sent))
    expect(await fatesOf([conflicting(id, second)])).toEqual(['conflict']);
  expect(await fatesOf([conflicting('twin', 7), conflicting('twin', 8)])).toEqual(['accepted', 'conflict']);
  await settled(caller);
  const before = await standing();
  expect(before.values).toEqual({ ab: 1, ba: 2, twin: 7 });
  expect(before.letters).toEqual(['ab 2', 'ba 1', 'twin 8']);
  await standalone.end();
  for (const derived of ['usage', 'progress']) rmSync(join(dataDir, derived), { recursive: true });
  await start();
  await settled(caller);
  expect(await standing()).toEqual(before);
  expect(await misstored(caller, 50)).toEqual([]);
}, 60_000);

async function standing() {
  const events = await allEvents(caller, 'crash.conflict');
  const letters = await allDeadLetters(caller);
  return {
    values: Object.fromEntries(events.map(({ id, data }) => [id, data.value])),
    letters: letters.map(({ id, bytes }) => `${id} ${valueIn(bytes)}`).sort(),
  };
}

function valueIn(bytes: string): number {
  return JSON.parse(Buffer.from(bytes, 'base64').toString()).data.value;
}

it.each([34, 36])(
  'an event %i days old counts in its own minute, once, also when it is sent again after a kill',
  async (days) => {
    const time = new Date(Date.now() - days * DAY_MS).toISOString();
    const [late] = numberedEvents(1, { first: 1_000 + days, time, subject: `late-${days}` });
    expect(await fatesOf([late as object])).toEqual(['accepted']);
    await settled(caller);
    await restart();
    expect(await fatesOf([late as object])).toEqual(['duplicate']);
    const rows = await meterRows(caller, 'numbered', `windowSize=MINUTE&subject=late-${days}`);
    expect(rows.map(({ windowStart, value }) => [windowStart, value])).toEqual([[`${time.slice(0, 16)}:00Z`, 1]]);
  },
);

it('events out of order by hours count in their own hours', async () => {
  const hours = [5, 1, 4, 0, 3, 2, 5, 0];
  const start = Date.UTC(2026, 0, 10);
  const events = hours.map((hour, i) => {
    const time = new Date(start + hour * 3_600_000 + 1_800_000).toISOString();
    return numberedEvents(1, { first: 2_000 + i, time, subject: 'shuffled' })[0] as object;
  });
  for (const event of events) await postEvents(caller, [event]);
  await settled(caller);
  const rows = await meterRows(caller, 'numbered', 'windowSize=HOUR&subject=shuffled');
  expect(rows.map(({ windowStart, value }) => [windowStart.slice(11, 13), value])).toEqual([
    ['00', 2],
    ['01', 1],
    ['02', 1],
    ['03', 1],
    ['04', 1],
    ['05', 2],
  ]);
});
