/** kill -9 at random moments between decision, log, queue and delivery: every decision reaches its endpoint. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../support/eventually.js';
import { drawSeed, randomFrom } from '../support/seed.js';
import { ROOT_KEY, type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';
import { HttpCaller } from './http-caller.js';

const KILLS = 4;
const SUBJECTS_A_ROUND = 40;
const THRESHOLD = 2;
const SETTLED_MS = 120_000;

const folder = temporaryFolder('webhook-kills');
const env = { KEYMETER_WEBHOOK_PRIVATE_ADDRESSES: 'allow', KEYMETER_WEBHOOK_HTTP: 'allow' };
let receiver: WebhookReceiver;
beforeAll(async () => {
  receiver = await WebhookReceiver.open();
});
afterAll(() => receiver.close());

const start = () => startStandalone({ dataDir: join(folder, 'data'), env, timeoutMs: 180_000 });

it('after kills each decision was delivered, verifies, and has one id however often it came', async () => {
  const random = randomFrom(drawSeed('webhook-kills'));
  let standalone = await start();
  const { secret } = await call(standalone, 'POST', '/api/v1/webhooks', { url: receiver.url });
  await call(standalone, 'POST', '/api/v1/policies', policy);
  for (let round = 0; round < KILLS; round++) {
    await crossAll(standalone, round);
    await pause(random() * 1_500);
    await standalone.end('SIGKILL');
    standalone = await start();
  }
  const running = standalone;
  await eventually(async () => {
    const decided = await enforcementIds(running);
    expect(decided).toHaveLength(KILLS * SUBJECTS_A_ROUND);
    expect(decided.filter((id) => !told(secret).has(id))).toEqual([]);
  }, SETTLED_MS);
  for (const [id, messages] of told(secret)) expect({ id, messages: messages.size }).toEqual({ id, messages: 1 });
  process.stderr.write(`webhook-kills: ${receiver.received.length} requests, ${told(secret).size} messages\n`);
  await standalone.end();
}, 600_000);

const policy = {
  name: 'hot',
  match: { type: 'use' },
  groupBy: 'subject',
  window: '1h',
  aggregate: 'count',
  threshold: THRESHOLD,
  action: { type: 'suspend', for: '1d' },
  mode: 'on',
};

// biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
async function call({ url }: Standalone, method: string, path: string, body?: unknown): Promise<any> {
  const caller = new HttpCaller(url, ROOT_KEY);
  const answer = await caller.demand(method, path, body);
  caller.close();
  return answer;
}

/** Every subject of the round goes over the threshold; what is answered is in the log. */
async function crossAll({ url }: Standalone, round: number): Promise<void> {
  const caller = new HttpCaller(url, ROOT_KEY);
  const events = Array.from({ length: SUBJECTS_A_ROUND * (THRESHOLD + 1) }, (_, n) => ({
    specversion: '1.0',
    source: 'test',
    type: 'use',
    id: `${round}/${n}`,
    subject: `s${round}-${n % SUBJECTS_A_ROUND}`,
  }));
  const headers = { 'content-type': 'application/cloudevents-batch+json' };
  expect((await caller.post('/api/v1/events', events, headers)).status).toBeLessThan(300);
  caller.close();
}

async function enforcementIds(standalone: Standalone): Promise<string[]> {
  const { items } = await call(standalone, 'GET', '/api/v1/enforcements?limit=1000');
  return items.map(({ id }: { id: string }) => id);
}

/** Enforcement id to the ids of the messages that told of it. */
function told(secret: string): ReadonlyMap<string, ReadonlySet<unknown>> {
  const found = new Map<string, Set<unknown>>();
  for (const request of receiver.received) {
    const { id } = receiver.verified(request, secret).data;
    found.set(id, (found.get(id) ?? new Set()).add(request.headers['webhook-id']));
  }
  return found;
}
