import { Webhook } from 'standardwebhooks';
import { SecretSeal } from './secret-seal.js';
import { claimed, deliveryId, newDelivery, replayed, settled, type WebhookAnswer } from './webhook-delivery.js';
import { changedEndpoint, newEndpoint, rotatedEndpoint, signingSecrets } from './webhook-endpoint.js';
import { parseRetryAfter, RETRY_PAUSES_MS } from './webhook-schedule.js';
import { secretText, signedHeaders } from './webhook-signature.js';

const T = Date.UTC(2026, 5, 1);
const HOUR = 3_600_000;
const made = () => newDelivery({ id: 'enf_1', type: 'enforcement.begun', body: '{}' }, 'wh_1', T);

/** Attempts until it is settled, each when it is due; answers the pauses. */
function attemptAll(answer: WebhookAnswer, random: number): { pauses: number[]; state: string; until: number } {
  const pauses: number[] = [];
  let delivery = made();
  while (delivery.state === 'waiting') {
    const { at } = delivery;
    delivery = settled(claimed(delivery, at), answer, at, random);
    if (delivery.state === 'waiting') pauses.push(delivery.at - at);
  }
  return { pauses, state: delivery.state, until: delivery.at };
}

test('a message that fails is attempted ten times over a little more than three days, then given up', () => {
  const { pauses, state, until } = attemptAll({ failure: 'timeout' }, 0.5);
  expect([pauses, state]).toEqual([RETRY_PAUSES_MS, 'dead']);
  expect((until - T) / HOUR).toBeCloseTo(75.58, 2);
});

test('pauses are scattered by a tenth', () => {
  for (const random of [0, 0.999_999]) {
    for (const [n, pause] of attemptAll({ status: 500 }, random).pauses.entries()) {
      expect(pause / (RETRY_PAUSES_MS[n] as number)).toBeCloseTo(random === 0 ? 0.9 : 1.1, 3);
    }
  }
});

test.each([200, 201, 204, 299])('status %s is success', (status) => {
  expect(settled(made(), { status }, T + 1, 0)).toMatchObject({ state: 'delivered', at: T + 1, attempts: 1 });
});

test.each([100, 301, 302, 307, 308, 400, 401, 404, 429, 500, 503])('status %s is attempted again', (status) => {
  expect(settled(made(), { status }, T, 0.5)).toMatchObject({ state: 'waiting', at: T + 5_000, last: { status } });
});

test('410 is given up at once', () => {
  expect(settled(made(), { status: 410 }, T, 0.5)).toMatchObject({ state: 'dead', attempts: 1 });
});

test('Retry-After counts where it is later than the schedule, up to a day', () => {
  const next = (retryAfterMs: number) => settled(made(), { status: 503, retryAfterMs }, T, 0.5).at - T;
  expect([next(1_000), next(60_000), next(90 * HOUR)]).toEqual([5_000, 60_000, 24 * HOUR]);
  expect(parseRetryAfter('120', T)).toBe(120_000);
  expect(parseRetryAfter(new Date(T + 9_000).toUTCString(), T)).toBe(9_000);
  expect(parseRetryAfter(new Date(T - 9_000).toUTCString(), T)).toBe(0);
  for (const text of [undefined, '', '-1', 'soon', '1.5', '9'.repeat(70)])
    expect(parseRetryAfter(text, T)).toBeUndefined();
});

test('a replay has the same id and begins with the first attempt', () => {
  const dead = settled(made(), { status: 410 }, T, 0);
  expect(replayed(dead, T + 9)).toMatchObject({ id: dead.id, state: 'waiting', at: T + 9, attempts: 0 });
  expect(deliveryId('enf_1', 'wh_1')).toBe(dead.id);
  expect(new Set([deliveryId('enf_1', 'wh_2'), deliveryId('enf_2', 'wh_1'), dead.id]).size).toBe(3);
});

test('signatures are what the public package makes, one for each secret', () => {
  const secrets = [secretText(Buffer.alloc(32, 1)), secretText(Buffer.alloc(24, 2))];
  const headers = signedHeaders({ id: 'msg_1', body: '{"a":"ä"}', at: T + 999 }, secrets);
  const theirs = secrets.map((secret) => new Webhook(secret).sign('msg_1', new Date(T), '{"a":"ä"}'));
  expect(headers).toEqual({
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(T / 1000),
    'webhook-signature': theirs.join(' '),
  });
});

describe('endpoints', () => {
  const endpoint = newEndpoint('wh_1', { url: 'https://example.com' }, 'one', T);

  test('after a rotation old and new secret sign until the overlap is over, the new one first', () => {
    const rotated = rotatedEndpoint(endpoint, 'two', T, HOUR);
    expect(rotated && signingSecrets(rotated, T + HOUR - 1)).toEqual(['two', 'one']);
    expect(rotated && signingSecrets(rotated, T + HOUR)).toEqual(['two']);
    const again = rotated && rotatedEndpoint(rotated, 'three', T + 5, 9 * HOUR);
    expect(again && signingSecrets(again, T + 10)).toEqual(['three', 'two', 'one']);
    expect(again && signingSecrets(again, T + HOUR)).toEqual(['three', 'two']);
  });

  test('without overlap the old one signs no more and is forgotten; more than four at once are refused', () => {
    expect(rotatedEndpoint(endpoint, 'two', T, 0)?.secrets).toEqual([{ text: 'two' }]);
    let many = endpoint;
    for (const text of ['2', '3', '4']) many = rotatedEndpoint(many, text, T, HOUR) ?? many;
    expect(rotatedEndpoint(many, '5', T, HOUR)).toBeUndefined();
    expect(rotatedEndpoint(many, '5', T, 0)?.secrets).toEqual([{ text: '5' }]);
  });

  test('what a change does not name stays; enabling forgets why it was disabled', () => {
    const disabled = changedEndpoint(endpoint, { enabled: false, description: 'ours' }, T + 1);
    expect(disabled).toMatchObject({ url: endpoint.url, disabled: { at: T + 1, reason: 'operator' } });
    expect(changedEndpoint(disabled, { url: 'https://x.example' }, T + 2).disabled).toEqual(disabled.disabled);
    expect(changedEndpoint(disabled, { enabled: true }, T + 2).disabled).toBeUndefined();
  });
});

test('a sealed secret is opened with its key and for its endpoint only', () => {
  const seal = new SecretSeal('a key of more than thirty-two characters');
  const text = seal.seal('whsec_abc', 'wh_1', Buffer.alloc(12, 7));
  expect(text).not.toContain('abc');
  expect(seal.open(text, 'wh_1')).toBe('whsec_abc');
  expect(seal.open(text, 'wh_2')).toBeUndefined();
  expect(new SecretSeal('another key of more than thirty-two').open(text, 'wh_1')).toBeUndefined();
  expect(seal.open(`${text.slice(0, -4)}AAAA`, 'wh_1')).toBeUndefined();
  expect(seal.open('sealed.v1.', 'wh_1')).toBeUndefined();
});
