/** Two verifications with one Idempotency-Key cost one credit and give one event, whatever happens in between. */
import { request } from 'node:http';
import { join } from 'node:path';
import { HttpCaller } from '../crash/http-caller.js';
import { allEvents, settled } from '../crash/server-view.js';
import { createKey, type LoadKey } from '../crash/world.js';
import { eventually } from '../support/eventually.js';
import { type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';

const dataDir = join(temporaryFolder('idempotent'), 'data');
const CREDITS = 100;
let standalone: Standalone;
let http: HttpCaller;
let apiId: string;

beforeAll(async () => {
  await start();
  apiId = (await http.demand('POST', '/v2/apis.createApi', { name: 'once' })).data.apiId;
});
afterAll(() => http.close());

async function start(): Promise<void> {
  standalone = await startStandalone({ dataDir });
  http = new HttpCaller(standalone.url, standalone.rootKey);
}

async function verify({ key }: LoadKey, once: string): Promise<string> {
  const answer = await http.post('/v2/keys.verifyKey', { key }, { 'idempotency-key': once });
  if (answer.kind === 'lost' || answer.status !== 200) throw new Error(JSON.stringify(answer));
  return answer.text;
}

/** Sends the call and hangs up before it is answered. */
function hangUp({ key }: LoadKey, once: string): Promise<void> {
  return new Promise((resolve) => {
    const headers = {
      authorization: `Bearer ${standalone.rootKey}`,
      'content-type': 'application/json',
      'idempotency-key': once,
    };
    const call = request(`${standalone.url}/v2/keys.verifyKey`, { method: 'POST', headers });
    call.on('error', () => undefined);
    call.on('close', resolve);
    call.end(JSON.stringify({ key }), () => call.destroy());
  });
}

const left = async ({ keyId }: LoadKey): Promise<number> =>
  (await http.demand('POST', '/v2/keys.getKey', { keyId })).data.credits.remaining;

async function eventsOf({ keyId }: LoadKey): Promise<number> {
  await settled(http);
  return (await allEvents(http, 'request')).filter(({ subject }) => subject === keyId).length;
}

const newKey = () => createKey(http, apiId, { credits: { remaining: CREDITS } });

test('repeats at once and one after the other: one credit, one event, one answer', async () => {
  const key = await newKey();
  const answers = await Promise.all(Array.from({ length: 20 }, () => verify(key, 'burst')));
  answers.push(await verify(key, 'burst'));
  expect(new Set(answers).size).toBe(1);
  expect(JSON.parse(answers[0] ?? '').data).toMatchObject({ code: 'VALID', credits: CREDITS - 1 });
  expect(await left(key)).toBe(CREDITS - 1);
  expect(await eventsOf(key)).toBe(1);
  await verify(key, 'another');
  expect(await left(key)).toBe(CREDITS - 2);
});

test('the first answer was lost: the repeat costs nothing more and gives the answer', async () => {
  const key = await newKey();
  for (let i = 0; i < 10; i++) await hangUp(key, 'lost');
  const answer = await verify(key, 'lost');
  expect(JSON.parse(answer).data).toMatchObject({ code: 'VALID', credits: CREDITS - 1 });
  expect(await left(key)).toBe(CREDITS - 1);
  expect(await eventsOf(key)).toBe(1);
});

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'the process ended by %s in between: still one credit, one event, the same answer',
  async (signal) => {
    const key = await newKey();
    const once = `before ${signal}`.replace(' ', '-');
    const first = await verify(key, once);
    await standalone.end(signal);
    http.close();
    await start();
    expect(await verify(key, once)).toBe(first);
    expect(await left(key)).toBe(CREDITS - 1);
    await eventually(async () => expect(await eventsOf(key)).toBe(1));
  },
  60_000,
);
