/** While the log refuses, every call that needs it is 503 with Retry-After: no valid key ever sees 401, 403 or 404. */
import { join } from 'node:path';
import { type CallResult, HttpCaller } from '../crash/http-caller.js';
import { numberedEvents, postEvents } from '../crash/numbered-events.js';
import { createKey, type LoadKey } from '../crash/world.js';
import { eventually } from '../support/eventually.js';
import { launchStandalone, type Standalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';

const folder = temporaryFolder('refused');
const MiB = String(1024 * 1024);
const TINY_LOG = { KEYMETER_LOG_MAX_BYTES: MiB, KEYMETER_LOG_SEGMENT_BYTES: MiB };
const NO_DISK = { KEYMETER_DISK_RESERVE_BYTES: String(2 ** 50) };
const EVENT = { specversion: '1.0', source: 's', type: 't', subject: 'u', id: 'e' };
const CREDITS = 1_000;

interface World {
  readonly apiId: string;
  readonly keys: readonly LoadKey[];
}

let standalone: Standalone;
let http: HttpCaller;
/** Makes names new: a repeat of what was answered before needs no log. */
let round = 0;

/** Listening is enough: with a log that refuses it is not ready. */
async function start(name: string, env: Readonly<Record<string, string>>): Promise<void> {
  standalone = launchStandalone({ dataDir: join(folder, name), env });
  await eventually(() => void standalone.url, 30_000);
  http = new HttpCaller(standalone.url, standalone.rootKey);
}

async function stop(): Promise<void> {
  http.close();
  const exit = await standalone.end();
  if (exit.code !== 0) throw new Error(`it ended with ${exit.code ?? exit.signal}: ${standalone.logs}`);
}

async function makeWorld(): Promise<World> {
  const { apiId } = (await http.demand('POST', '/v2/apis.createApi', { name: 'refused' })).data;
  const settings = [{}, { credits: { remaining: CREDITS } }, { externalId: 'team' }];
  return { apiId, keys: await Promise.all(settings.map((it) => createKey(http, apiId, it))) };
}

const creditsLeft = async ({ keys }: World): Promise<number> =>
  (await http.demand('POST', '/v2/keys.getKey', { keyId: keys[1]?.keyId })).data.credits.remaining;

/** What cannot be answered without the log. */
function writes({ keys }: World): Promise<CallResult>[] {
  round++;
  const policy = {
    name: `policy-${round}`,
    match: { type: 't' },
    groupBy: 'subject',
    aggregate: 'count',
    window: '1m',
    threshold: 1,
  };
  return [
    ...keys.flatMap(({ key }, i) => [
      http.post('/v2/keys.verifyKey', { key }),
      http.post('/v2/keys.verifyKey', { key, tags: ['ip=192.0.2.1'] }),
      http.post('/v2/keys.verifyKey', { key }, { 'idempotency-key': `call-${round}-${i}` }),
    ]),
    http.post('/api/v1/events', EVENT, { 'content-type': 'application/cloudevents+json' }),
    http.post('/api/v1/policies', { ...policy, action: { type: 'warn' } }),
  ];
}

/** What can. */
function reads({ apiId, keys }: World): Promise<CallResult>[] {
  return [
    http.post('/v2/keys.getKey', { keyId: keys[0]?.keyId }),
    http.post('/v2/keys.whoami', { key: keys[0]?.key }),
    http.post('/v2/apis.getApi', { apiId }),
    http.call('/api/v1/meters/requests/query'),
    http.call('/api/v1/enforcements'),
    http.call('/health/live'),
  ];
}

const statuses = async (results: readonly Promise<CallResult>[]): Promise<number[]> =>
  (await Promise.all(results)).map((result) => {
    if (result.kind === 'lost') throw new Error(result.reason);
    if (result.status !== 503) return result.status;
    expect(Number(result.headers['retry-after'])).toBeGreaterThan(0);
    expect(result.headers['content-type']).toMatch(/^application\/(problem\+)?json/);
    return result.status;
  });

test('with no room on the disk valid keys are told to come back, reading goes on, and nothing is charged', async () => {
  await start('disk', {});
  const world = await makeWorld();
  for (const status of await statuses([...writes(world), ...reads(world)])) expect(status).toBeLessThan(300);
  const before = await creditsLeft(world);
  expect(before).toBe(CREDITS - 3);
  await stop();

  await start('disk', NO_DISK);
  const refused = await statuses(writes(world));
  expect(refused).toEqual(refused.map(() => 503));
  for (const status of await statuses(reads(world))) expect(status).toBe(200);
  expect(await standalone.isReady()).toBe(false);
  expect(await creditsLeft(world)).toBe(before);
  await stop();

  await start('disk', {});
  expect(await creditsLeft(world)).toBe(before);
  expect(await statuses([http.post('/v2/keys.verifyKey', { key: world.keys[1]?.key })])).toEqual([200]);
  expect(await creditsLeft(world)).toBe(before - 1);
  await stop();
}, 120_000);

test('while a tiny log fills up, is full, and opens again, a valid key sees VALID or 503 and nothing else', async () => {
  await start('tiny', TINY_LOG);
  const world = await makeWorld();
  const seen = new Map<number, number>();
  let answered = 0;
  const verifyOnce = async () => {
    const result = await http.post('/v2/keys.verifyKey', { key: world.keys[1]?.key });
    if (result.kind === 'lost') throw new Error(result.reason);
    seen.set(result.status, (seen.get(result.status) ?? 0) + 1);
    if (result.status === 200 && JSON.parse(result.text).data.code === 'VALID') answered++;
  };
  for (let batch = 0; !seen.has(503); batch++) {
    expect(batch).toBeLessThan(500);
    await Promise.all([verifyOnce(), postEvents(http, numberedEvents(20, { first: batch * 20, ballast: 5_000 }))]);
  }
  // What is counted may go: the log opens by itself.
  await eventually(async () => {
    await verifyOnce();
    expect(await standalone.isReady()).toBe(true);
  }, 60_000);
  await verifyOnce();
  expect([...seen.keys()].sort()).toEqual([200, 503]);
  expect(seen.get(200)).toBe(answered);
  expect(await creditsLeft(world)).toBe(CREDITS - answered);
  await stop();
}, 120_000);
