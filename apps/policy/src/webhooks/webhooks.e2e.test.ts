import { join } from 'node:path';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { eventually } from '../../../../test/support/eventually.js';
import { PolicyApi, READER_KEY } from '../../../../test/support/policy-api.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';
import { WebhookReceiver } from '../../../../test/support/webhook-receiver.js';
import { WebhookRules } from './webhook-rules.js';

const folder = temporaryFolder('webhooks');
const HOUR = 3_600_000;
const STRICT = new WebhookRules(false, false);
let count = 0;
let path: string;
let api: PolicyApi;
let receiver: WebhookReceiver;

beforeEach(async () => {
  path = join(folder, String(count++));
  api = await PolicyApi.open(path);
  receiver = await WebhookReceiver.open(api.clock);
});
afterEach(async () => {
  await api.close();
  await receiver.close();
});

const policy = (name: string, action: object, mode = 'on') => ({
  name,
  match: { type: 'request' },
  groupBy: 'keyId',
  window: '1m',
  aggregate: 'count',
  threshold: 2,
  action,
  mode,
});

async function putPolicy(name = 'hot', action: object = { type: 'suspend', for: '10m' }, mode = 'on'): Promise<void> {
  await api.data('POST', '/policies', policy(name, action, mode));
  await api.pump();
}

const webhook = (more: object = {}) => api.data('POST', '/webhooks', { url: receiver.url, ...more });

/** Goes over the threshold, and lets the row of the decision be read from the log. */
async function fire(keyId = 'k1'): Promise<{ id: string }> {
  for (let n = 0; n < 3; n++) await api.use(keyId, `${keyId} ${api.clock.now()} ${n}`);
  await api.pump();
  return (await api.data('GET', `/enforcements?key=${keyId}`)).items[0];
}

/** What waits is sent when it is due, until nothing is left to send. */
async function runSchedule(): Promise<void> {
  for (let hours = 0; hours < 90; hours++) {
    await api.deliver();
    api.clock.advance(HOUR);
  }
}

const deliveries = async (id: string, state: string) =>
  (await api.data('GET', `/webhooks/${id}/deliveries?state=${state}`)).items;

test('decisions, warnings, lifts and pauses reach the endpoint, signed as the public package verifies it', async () => {
  const { id: hook, secret } = await webhook();
  await putPolicy();
  await putPolicy('soft', { type: 'warn' });
  await fire();
  const { items } = await api.data('GET', '/enforcements?key=k1');
  const held = items.find((it: { action: { type: string } }) => it.action.type === 'suspend');
  await api.data('DELETE', `/enforcements/${held.id}`, { reason: 'a mistake' });
  await api.data('PUT', '/enforcement-pause', { reason: 'a test' });
  await api.pump();
  await api.deliver();
  const messages = receiver.received.map((it) => receiver.verified(it, secret));
  expect(messages.map(({ type }) => type).sort()).toEqual([
    'enforcement.begun',
    'enforcement.lifted',
    'enforcement.paused',
    'enforcement.warned',
  ]);
  const begun = messages.find(({ type }) => type === 'enforcement.begun');
  expect(begun).toEqual({
    type: 'enforcement.begun',
    timestamp: new Date(held.begin).toISOString(),
    data: expect.objectContaining({ id: held.id, policyName: 'hot', target: { per: 'key', value: 'k1' }, value: 3 }),
  });
  expect(begun.data).not.toHaveProperty('events');
  const lifted = messages.find(({ type }) => type === 'enforcement.lifted');
  expect(lifted.data.lifted).toMatchObject({ reason: 'a mistake' });
  expect(new Set(receiver.ids).size).toBe(4);
  expect((await api.data('GET', `/webhooks/${hook}`)).deliveries).toEqual({ waiting: 0, delivered: 4, dead: 0 });
}, 120_000);

test('an endpoint gets the types that it asks for; decisions in shadow only where it asks for them', async () => {
  const [usual, lifts, shadow] = [
    await webhook(),
    await webhook({ eventTypes: ['enforcement.lifted'] }),
    await webhook({ eventTypes: ['enforcement.shadowed'] }),
  ];
  await putPolicy('trial', { type: 'suspend', for: '10m' }, 'shadow');
  await fire('k1');
  expect(await deliveries(usual.id, 'waiting')).toEqual([]);
  expect(await deliveries(lifts.id, 'waiting')).toEqual([]);
  expect(await deliveries(shadow.id, 'waiting')).toMatchObject([{ type: 'enforcement.shadowed' }]);
});

test('what was decided before an endpoint was made is not sent to it', async () => {
  await putPolicy();
  await fire('k1');
  api.clock.advance(1);
  const { id } = await webhook();
  await fire('k2');
  expect(await deliveries(id, 'waiting')).toHaveLength(1);
});

test('an endpoint that answers at the third attempt gets the same message under the same id, signed anew', async () => {
  const { secret } = await webhook();
  await putPolicy();
  await fire();
  receiver.reply = 500;
  await api.deliver();
  await api.deliver(); // not due yet
  expect(receiver.received).toHaveLength(1);
  api.clock.advance(6_000);
  await api.deliver();
  receiver.reply = 204;
  api.clock.advance(6 * 60_000);
  await api.deliver();
  await runSchedule();
  expect(receiver.received).toHaveLength(3);
  expect(new Set(receiver.ids).size).toBe(1);
  expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  for (const it of receiver.received) receiver.verified(it, secret);
});

test('after three days of failures a message is a dead letter; it is replayed by itself, or with all since a time', async () => {
  const { id: hook } = await webhook();
  await putPolicy();
  const begin = api.clock.now();
  await fire('k1');
  await fire('k2');
  receiver.reply = 503;
  await runSchedule();
  expect(receiver.received).toHaveLength(2 * 10);
  expect((api.clock.now() - begin) / HOUR).toBeGreaterThan(72);
  const dead = await deliveries(hook, 'dead');
  expect(dead).toMatchObject([{ attempts: 10, last: { status: 503 } }, { attempts: 10 }]);
  receiver.reply = 204;
  expect(await api.data('POST', `/webhooks/${hook}/replay`, { delivery: dead[0].id })).toMatchObject({ replayed: 1 });
  await api.deliver();
  expect(receiver.ids.at(-1)).toBe(dead[0].id);
  const since = new Date(begin).toISOString();
  expect(await api.data('POST', `/webhooks/${hook}/replay`, { since })).toEqual({ replayed: 1, added: 0, more: false });
  await api.deliver();
  expect(receiver.ids.at(-1)).toBe(dead[1].id);
  expect(await deliveries(hook, 'delivered')).toHaveLength(2);
  const later = new Date(api.clock.now() + 1).toISOString();
  expect(await api.data('POST', `/webhooks/${hook}/replay`, { since: later })).toMatchObject({ replayed: 0 });
});

test('after a rotation both secrets verify until the overlap is over', async () => {
  const { id, secret: old } = await webhook();
  const { secret } = await api.data('POST', `/webhooks/${id}/rotate-secret`, { overlapSeconds: 3600 });
  await api.data('POST', `/webhooks/${id}/test`);
  await api.deliver();
  const [first] = receiver.received;
  for (const known of [old, secret]) expect(receiver.verified(first as never, known).type).toBe('webhook.test');
  api.clock.advance(HOUR);
  await api.data('POST', `/webhooks/${id}/test`);
  await api.deliver();
  const last = receiver.received.at(-1) as never;
  expect(receiver.verified(last, secret).data).toEqual({ endpointId: id });
  expect(() => receiver.verified(last, old)).toThrow('No matching signature');
});

test('a secret is shown when it is made and never again', async () => {
  const { id, secret } = await webhook();
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  const answers = [
    await api.call('GET', `/webhooks/${id}`),
    await api.call('GET', '/webhooks'),
    await api.call('PATCH', `/webhooks/${id}`, { description: 'ours' }),
    await api.call('POST', `/webhooks/${id}/test`),
    await api.call('GET', `/webhooks/${id}/deliveries?state=waiting`),
  ];
  for (const { statusCode, body } of answers) {
    expect(statusCode).toBeLessThan(300);
    expect(body).not.toContain(secret);
    expect(body).not.toContain('"secret');
  }
});

test('with a key for them secrets are stored sealed; under another key nothing is sent, until the right one is back', async () => {
  const sealing = (key: string) => new WebhookRules(true, true, key.repeat(32));
  await api.close();
  api = await PolicyApi.open(path, api.clock, { rules: sealing('a') });
  const { id, secret } = await webhook();
  expect(JSON.stringify(await api.webhooks.endpoints.list())).not.toContain(secret);
  await api.data('POST', `/webhooks/${id}/test`);
  await api.close();
  api = await PolicyApi.open(path, api.clock, { rules: sealing('b') });
  await api.deliver();
  expect(await deliveries(id, 'waiting')).toMatchObject([{ last: { failure: 'no_secret' } }]);
  await api.close();
  api = await PolicyApi.open(path, api.clock, { rules: sealing('a') });
  api.clock.advance(6_000);
  await api.deliver();
  expect(receiver.verified(receiver.received[0] as never, secret).type).toBe('webhook.test');
});

test('410 disables the endpoint: it gets nothing more, until somebody enables it', async () => {
  const { id } = await webhook();
  await putPolicy();
  receiver.reply = 410;
  await fire('k1');
  await api.deliver();
  expect(await api.data('GET', `/webhooks/${id}`)).toMatchObject({ enabled: false, disabled: { reason: 'gone' } });
  await fire('k2');
  await runSchedule();
  expect(receiver.received).toHaveLength(1);
  expect((await api.call('POST', `/webhooks/${id}/test`)).statusCode).toBe(409);
  receiver.reply = 204;
  expect(await api.data('PATCH', `/webhooks/${id}`, { enabled: true })).toMatchObject({ enabled: true });
  await api.data('POST', `/webhooks/${id}/test`);
  await api.deliver();
  expect(receiver.received).toHaveLength(2);
});

test('two processes deliver a message once; one that dies while it sends is followed by the other when its claim ends', async () => {
  const { id } = await webhook();
  await api.data('POST', `/webhooks/${id}/test`);
  await Promise.all([api.deliver(), api.deliver()]);
  expect(receiver.received).toHaveLength(1);
  await api.data('POST', `/webhooks/${id}/test`);
  receiver.reply = undefined;
  await api.webhooks.dispatcher.look();
  await eventuallyReceived(2);
  await api.close(); // the answer is never settled
  api = await PolicyApi.open(path, api.clock);
  receiver.reply = 204;
  await api.deliver();
  expect(receiver.received).toHaveLength(2);
  api.clock.advance(60_000);
  await api.deliver();
  expect(receiver.ids[2]).toBe(receiver.ids[1]);
});

test('a crash between decision, log, queue, delivery and snapshot loses no message and makes none twice', async () => {
  const { id } = await webhook();
  await putPolicy();
  for (let n = 0; n < 3; n++) await api.use('k1', `before ${n}`); // decided and in the log, not read from it
  await reopen();
  expect(await deliveries(id, 'waiting')).toHaveLength(1);
  await reopen(); // queued, but no snapshot is beyond it
  expect(await deliveries(id, 'waiting')).toHaveLength(1);
  await api.deliver();
  await reopen(); // delivered, but no snapshot is beyond it
  await api.deliver();
  expect(receiver.received).toHaveLength(1);
  expect(await deliveries(id, 'delivered')).toHaveLength(1);
});

test('while the queue cannot be written the reading of the log waits, and nothing is lost', async () => {
  const { id } = await webhook();
  await putPolicy();
  api.fails.queue = 2;
  await fire();
  expect(api.fails.queue).toBe(0);
  expect(await deliveries(id, 'waiting')).toHaveLength(1);
});

test('a queue that was lost is filled again from the audit trail of three days, at once and a minute later', async () => {
  const { id } = await webhook();
  await putPolicy();
  await fire('k1');
  api.clock.advance(96 * HOUR);
  const { id: enforcement } = await fire('k2');
  await api.data('DELETE', `/enforcements/${enforcement}`, { reason: 'ours' });
  const known = (await deliveries(id, 'waiting')).map((it: { id: string }) => it.id);
  await api.webhooks.deliveries.remove(known);
  await api.webhooks.backfill.look();
  expect((await deliveries(id, 'waiting')).map((it: { type: string }) => it.type).sort()).toEqual([
    'enforcement.begun',
    'enforcement.lifted',
  ]);
  await api.webhooks.backfill.look(); // too early for the last look
  await fire('k3');
  await api.webhooks.deliveries.remove((await deliveries(id, 'waiting')).map((it: { id: string }) => it.id));
  api.clock.advance(60_000);
  await api.webhooks.backfill.look();
  expect(await deliveries(id, 'waiting')).toHaveLength(3);
  expect(await api.webhooks.deliveries.isFilled()).toBe(true);
});

test('a replay since a time also makes what was never queued', async () => {
  const { id } = await webhook();
  await putPolicy();
  await fire();
  const [lost] = await deliveries(id, 'waiting');
  await api.webhooks.deliveries.remove([lost.id]);
  const replay = { since: new Date(api.clock.now() - HOUR).toISOString() };
  expect(await api.data('POST', `/webhooks/${id}/replay`, replay)).toEqual({ replayed: 0, added: 1, more: false });
  expect(await api.data('POST', `/webhooks/${id}/replay`, replay)).toMatchObject({ added: 0 });
  expect((await deliveries(id, 'waiting'))[0].id).toBe(lost.id);
});

test('deliveries of a deleted endpoint are forgotten, and what was delivered a week ago', async () => {
  const [kept, deleted] = [await webhook(), await webhook()];
  for (const { id } of [kept, deleted]) await api.data('POST', `/webhooks/${id}/test`);
  await api.deliver();
  await api.data('POST', `/webhooks/${deleted.id}/test`);
  await api.data('DELETE', `/webhooks/${deleted.id}`);
  await api.webhooks.housekeeping.tidy();
  expect(await api.webhooks.deliveries.endpointIds()).toEqual([kept.id]);
  api.clock.advance(7 * 24 * HOUR);
  await api.webhooks.housekeeping.tidy();
  expect(await api.webhooks.deliveries.endpointIds()).toEqual([]);
});

test('http and private addresses are refused unless the configuration allows them, with the setting that does', async () => {
  await api.close();
  api = await PolicyApi.open(path, new ManualClock(), { rules: STRICT });
  const refused = async (url: string) => {
    const answer = await api.call('POST', '/webhooks', { url });
    expect(answer.statusCode).toBe(400);
    return answer.json().extensions.validationErrors[0];
  };
  expect(await refused('http://example.com/')).toMatchObject({
    field: '/url',
    message: expect.stringContaining('KEYMETER_WEBHOOK_HTTP=allow'),
  });
  for (const host of ['127.0.0.1', '2130706433', '[::1]', '[::ffff:10.0.0.1]', 'localhost', '169.254.169.254']) {
    expect((await refused(`https://${host}/`)).message).toContain('KEYMETER_WEBHOOK_PRIVATE_ADDRESSES=allow');
  }
  const { id } = await api.data('POST', '/webhooks', { url: 'https://hooks.example.com/' });
  expect((await api.call('PATCH', `/webhooks/${id}`, { url: 'https://10.0.0.1/' })).statusCode).toBe(400);
});

test('bad input names what is wrong; what is not there is 404; rights are asked for', async () => {
  const { id } = await webhook();
  const status = async (...args: Parameters<PolicyApi['call']>) => (await api.call(...args)).statusCode;
  expect(await status('POST', '/webhooks', { url: receiver.url, eventTypes: ['enforcement.begin'] })).toBe(400);
  expect(await status('POST', '/webhooks', { url: receiver.url, secret: 'mine' })).toBe(400);
  expect(await status('POST', `/webhooks/${id}/replay`, {})).toBe(400);
  expect(await status('POST', `/webhooks/${id}/rotate-secret`, { overlapSeconds: -1 })).toBe(400);
  expect(await status('GET', `/webhooks/${id}/deliveries?cursor=eA`)).toBe(400);
  for (const [method, rest] of [
    ['GET', ''],
    ['GET', '/deliveries'],
    ['DELETE', ''],
    ['POST', '/test'],
  ] as const) {
    expect(await status(method, `/webhooks/wh_no${rest}`)).toBe(404);
  }
  const other = `msg_${'0'.repeat(40)}`;
  expect(await status('POST', `/webhooks/${id}/replay`, { delivery: other })).toBe(404);
  expect(await status('GET', '/webhooks', undefined, READER_KEY)).toBe(403);
});

async function reopen(): Promise<void> {
  await api.close();
  api = await PolicyApi.open(path, api.clock);
  await api.pump();
}

async function eventuallyReceived(number: number): Promise<void> {
  await eventually(() => expect(receiver.received).toHaveLength(number));
}
