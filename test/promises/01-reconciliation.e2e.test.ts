/**
 * For every partition and minute, what was appended is counted, a duplicate, a conflict or a dead letter, and the
 * endpoint says `unexplainedDifference: 0`; one row deleted by hand makes it non-zero and the metric shows it within 60 s.
 * Dead letters are listed, sent again and dropped by the command line; a letter sent again counts once.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { HttpCaller } from '../crash/http-caller.js';
import { appendRecord, segmentFiles } from '../crash/segments.js';
import { settled } from '../crash/server-view.js';
import { startCli } from '../support/cli-process.js';
import { eventually } from '../support/eventually.js';
import { type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';

const folder = temporaryFolder('reconciliation');
const dataDir = join(folder, 'data');
const TIMEOUT_MS = 180_000;
let standalone: Standalone;
let http: HttpCaller;

async function start(): Promise<void> {
  standalone = await startStandalone({ dataDir });
  http = new HttpCaller(standalone.url, standalone.rootKey);
}

async function stop(): Promise<void> {
  http.close();
  expect(await standalone.end()).toEqual({ code: 0, signal: null });
}

beforeAll(start, TIMEOUT_MS);
afterAll(() => http.close());

const cli = (...args: string[]) => startCli(join(folder, 'home'), standalone, args).ended;
const reconciliation = (log = false) => http.demand('GET', `/api/v1/reconciliation?log=${log}`);
const total = async () => (await http.demand('GET', '/api/v1/meters/requests/query')).data[0]?.value ?? 0;

async function send(events: readonly { id: string; bytes: number }[]): Promise<void> {
  const batch = events.map(({ id, bytes }) => ({
    specversion: '1.0',
    id,
    source: 'svc',
    type: 'request',
    subject: 's',
    data: { bytes },
  }));
  const sent = await http.post('/api/v1/events', batch, { 'content-type': 'application/cloudevents-batch+json' });
  expect(sent).toMatchObject({ kind: 'answer', status: 204 });
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${standalone.url}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (.*)$`, 'm').exec(text)?.[1]);
}

test(
  'everything that was appended is explained: counted, a duplicate, a conflict or a dead letter',
  async () => {
    const events = Array.from({ length: 200 }, (_, i) => ({ id: `e${i}`, bytes: 1 }));
    await send(events);
    await send(events.slice(0, 50));
    await send(events.slice(0, 20).map((event) => ({ ...event, bytes: 2 })));
    await settled(http);
    await stop();
    for (const value of ['nobody knows', '{"source":"svc","id":"late","type":"request"}']) {
      appendRecord(segmentFiles(dataDir).at(-1) as string, Buffer.from(value));
    }
    await start();
    await settled(http);
    await eventually(async () => expect((await reconciliation(true)).partitions[0]?.undecodable).toBe(2), 60_000);
    const found = await reconciliation(true);
    expect(found).toMatchObject({ unexplainedDifference: 0, differences: [] });
    expect(found.partitions).toMatchObject([{ partition: 0, duplicates: 50, conflicts: 20, undecodable: 2 }]);
    const [{ appended, counted }] = found.partitions;
    expect(appended).toBe(counted + 72);
    const { code, stdout } = await cli('reconcile');
    expect([code, stdout.split('\n').at(-2)]).toEqual([0, 'unexplained difference: 0']);
  },
  TIMEOUT_MS,
);

test(
  'a dead letter that is sent again counts once, however often; a conflict is dropped; both leave the open ones',
  async () => {
    const listed = JSON.parse((await cli('dead-letters', 'list', '--reason', 'undecodable', '--json')).stdout);
    expect(listed).toHaveLength(2);
    const late = listed.find(({ id }: { id: string }) => id === 'late');
    const before = await total();
    const unread = await cli('dead-letters', 'replay', late.position);
    expect(unread).toMatchObject({ code: 1, stderr: expect.stringContaining('send a corrected event in its place') });
    writeFileSync(
      join(folder, 'home', 'fixed.json'),
      JSON.stringify({ specversion: '1.0', id: 'late', source: 'svc', type: 'request', subject: 's' }),
    );
    for (let time = 0; time < 3; time++) {
      expect((await cli('dead-letters', 'replay', late.position, '--file', 'fixed.json')).code).toBe(0);
    }
    await settled(http);
    expect(await total()).toBe(before + 1);
    const [conflict] = JSON.parse((await cli('dead-letters', 'list', '--reason', 'conflict', '--json')).stdout);
    const again = await cli('dead-letters', 'replay', conflict.position);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('would be a conflict again') });
    expect((await cli('dead-letters', 'drop', '--all', '--of', 'conflict', '--reason', 'a test')).stdout).toBe(
      'Dropped: 20; refused: 0\n',
    );
    const open = JSON.parse((await cli('dead-letters', 'list', '--json')).stdout);
    expect(open.map(({ position }: { position: string }) => position)).toEqual([
      listed[0].position === late.position ? listed[1].position : listed[0].position,
    ]);
    await eventually(async () => expect(await metric('keymeter_dead_letters_open')).toBe(1), 60_000);
    expect(await metric('keymeter_dead_letters_oldest_seconds')).toBeGreaterThan(0);
    expect(await metric('keymeter_unexplained_difference')).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  'one row deleted by hand from events, and one from rollups: the metric shows it within 60 s, the command names where',
  async () => {
    await stop();
    const client = new ChdbSqlClient(join(dataDir, 'usage'));
    const [row] = await client.query<{ offset: string; partition: number }>(
      "SELECT partition, offset FROM keymeter.events WHERE id = 'e7'",
    );
    await client.command("ALTER TABLE keymeter.events DELETE WHERE id = 'e7' SETTINGS mutations_sync = 1");
    await client.command(
      "ALTER TABLE keymeter.usage_rollups DELETE WHERE window_size = 'day' AND subject = 's' SETTINGS mutations_sync = 1",
    );
    await client.close();
    await start();
    await eventually(async () => expect(await metric('keymeter_unexplained_difference')).toBeGreaterThan(0), 60_000);
    expect(standalone.logs).toContain('counts do not agree');
    const { code, stdout } = await cli('reconcile', '--json');
    expect(code).toBe(1);
    const { differences, partitions } = JSON.parse(stdout);
    const [ofEvents] = differences;
    expect(ofEvents).toMatchObject({ partition: 0, account: 'events' });
    expect(ofEvents.expected - ofEvents.found).toBe(1);
    expect(ofEvents.range.first).toBeLessThanOrEqual(Number(row?.offset));
    expect(ofEvents.range.next).toBeGreaterThan(Number(row?.offset));
    expect(partitions[0].firstDifference).toEqual(ofEvents);
    const sizes = differences.filter(({ account }: { account: string }) => account === 'rollup');
    expect(sizes.map(({ size }: { size: string }) => size).sort()).toEqual(['day', 'hour', 'minute', 'month']);
    expect((await cli('reconcile')).stdout).toMatch(/partition 0, offsets \[\d+, \d+\), accepted .*: events should be/);
  },
  TIMEOUT_MS,
);
