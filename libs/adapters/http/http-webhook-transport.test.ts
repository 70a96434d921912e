import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { Authority } from '../../../test/support/certificates.js';
import { freePort } from '../../../test/support/free-port.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { WebhookReceiver } from '../../../test/support/webhook-receiver.js';
import { HttpWebhookTransport, type HttpWebhookTransportOptions } from './http-webhook-transport.js';

const folder = temporaryFolder('webhook-transport');
const clock = new ManualClock();
const ALL = { allowsHttp: true, allowsPrivateAddresses: true };
const PUBLIC_ONLY = { allowsHttp: true, allowsPrivateAddresses: false };
let receiver: WebhookReceiver;

beforeEach(async () => {
  receiver = await WebhookReceiver.open();
});
afterEach(() => receiver.close());

const post = (url: string, options: HttpWebhookTransportOptions = ALL) =>
  new HttpWebhookTransport(clock, options).post({ url, headers: { 'webhook-id': 'msg_1' }, body: '{"a":"ä"}' });

/** A name server that answers with these. */
const resolvesTo =
  (...addresses: string[]): HttpWebhookTransportOptions['resolve'] =>
  (_host, done) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );

test('one POST with the bytes and headers as they are; the status is the answer', async () => {
  receiver.reply = 202;
  expect(await post(`${receiver.url}?team=1`)).toEqual({ status: 202 });
  expect(receiver.received).toMatchObject([
    {
      method: 'POST',
      path: '/hook?team=1',
      body: '{"a":"ä"}',
      headers: { 'webhook-id': 'msg_1', 'content-type': 'application/json', 'content-length': '10' },
    },
  ]);
});

test.each([301, 302, 303, 307, 308])('a redirect by %s is an answer, and not followed', async (status) => {
  const other = await WebhookReceiver.open();
  receiver.reply = [status, { location: other.url }];
  expect(await post(receiver.url)).toEqual({ status });
  expect(other.received).toEqual([]);
  await other.close();
});

test('Retry-After is told', async () => {
  receiver.reply = [503, { 'retry-after': '90' }];
  expect(await post(receiver.url)).toEqual({ status: 503, retryAfterMs: 90_000 });
});

test('an endpoint that does not answer in time is given up', async () => {
  receiver.reply = undefined;
  expect(await post(receiver.url, { ...ALL, timeoutMs: 50 })).toEqual({ failure: 'timeout' });
});

test('of an answer that does not end a bounded part is taken, and its status counts', async () => {
  receiver.reply = (response) => {
    response.writeHead(200);
    const more = () => void (response.writable && response.write(Buffer.alloc(16_384), () => setImmediate(more)));
    more();
  };
  expect(await post(receiver.url)).toEqual({ status: 200 });
});

test('headers without end are no answer', async () => {
  receiver.reply = [200, { 'x-large': 'x'.repeat(20_000) }];
  expect(await post(receiver.url)).toEqual({ failure: 'no_http' });
});

test('a name that resolves to a private address is not connected to, whatever else it resolves to', async () => {
  for (const found of [['127.0.0.1'], ['::1'], ['::ffff:127.0.0.1'], ['1.1.1.1', '10.0.0.1']]) {
    const url = `http://hooks.example:${receiver.port}/`;
    expect(await post(url, { ...PUBLIC_ONLY, resolve: resolvesTo(...found) })).toEqual({ failure: 'not_allowed' });
  }
  expect(receiver.received).toEqual([]);
});

test('the address that was looked at is the one that is connected to: the name is resolved once', async () => {
  const answers = [['127.0.0.1'], ['10.9.9.9']];
  let asked = 0;
  const resolve: HttpWebhookTransportOptions['resolve'] = (host, done) =>
    resolvesTo(...(answers[asked++] ?? []))?.(host, done);
  expect(await post(`http://hooks.example:${receiver.port}/`, { ...ALL, resolve })).toEqual({ status: 204 });
  expect([asked, receiver.received.length]).toEqual([1, 1]);
});

test('a stored URL that the rules do not allow any more is not called', async () => {
  for (const url of [
    receiver.url,
    `http://2130706433:${receiver.port}/`,
    `http://[::ffff:127.0.0.1]:${receiver.port}/`,
  ]) {
    expect(await post(url, PUBLIC_ONLY)).toEqual({ failure: 'not_allowed' });
  }
  expect(await post(receiver.url, { allowsHttp: false, allowsPrivateAddresses: true })).toEqual({
    failure: 'not_allowed',
  });
  expect(receiver.received).toEqual([]);
});

test('why there was no answer is said by a word', async () => {
  expect(await post(`http://127.0.0.1:${await freePort()}/`)).toEqual({ failure: 'unreachable' });
  const unknown = Object.assign(new Error('no'), { code: 'ENOTFOUND' });
  expect(await post('http://hooks.example/', { ...ALL, resolve: (_, done) => done(unknown, []) })).toEqual({
    failure: 'unknown_host',
  });
});

test('a certificate that nobody has signed is refused', async () => {
  const { cert, key } = Authority.make(folder, 'unknown').sign('hooks');
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (_, response) => response.end());
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  expect(await post(`https://127.0.0.1:${port}/`)).toEqual({ failure: 'tls' });
  await new Promise((done) => server.close(done));
});

test('closing breaks off what is under way', async () => {
  receiver.reply = undefined;
  const transport = new HttpWebhookTransport(clock, ALL);
  const answer = transport.post({ url: receiver.url, headers: {}, body: '{}' });
  transport.close();
  expect(await answer).toEqual({ failure: 'unreachable' });
});
