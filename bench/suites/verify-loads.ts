/** The keys that are verified, and the requests that do it. */
import { randomBytes } from 'node:crypto';
import { mintKey } from '#domain/keys/key-text.js';
import { type LoadPlan, type RequestParts, requestText, SLOT } from '../load/load-plan.js';
import type { KeymeterServer } from '../servers/keymeter-server.js';

export const VERIFY_PATH = '/v2/keys.verifyKey';
const MANY = 1_000;
export const VALID = '"code":"VALID"';

type Plan = Pick<LoadPlan, 'url' | 'requests' | 'expected'>;

export type VerifyLoad = 'one hot key' | '1,000 keys' | 'rate-limited key' | 'unknown keys' | 'Idempotency-Key';

export interface VerifyLoads {
  readonly plans: Readonly<Record<VerifyLoad, Plan>>;
  readonly hotAnswer: string;
}

export async function verifyLoads(server: KeymeterServer): Promise<VerifyLoads> {
  const { url } = server;
  const apiId = await server.createApi();
  const hot = await server.createKey({ apiId, prefix: 'sk' });
  const many = await createKeys(server, () => ({ apiId, prefix: 'sk' }), MANY);
  const ratelimits = [{ name: 'requests', limit: 1_000_000_000, duration: 60_000, autoApply: true }];
  const limited = await server.createKey({ apiId, prefix: 'sk', ratelimits });
  // With a right checksum: they are looked up, as keys of another deployment would be.
  const unknown = Array.from({ length: MANY }, () => mintKey('sk', randomBytes(16)).key);
  const request = (key: string, more: Partial<RequestParts> = {}) =>
    requestText({ path: VERIFY_PATH, rootKey: server.rootKey, body: JSON.stringify({ key }), ...more });
  const answer = await server.call('POST', VERIFY_PATH, JSON.stringify({ key: hot.key }));
  return {
    hotAnswer: await answer.text(),
    plans: {
      'one hot key': { url, requests: [request(hot.key)], expected: VALID },
      '1,000 keys': { url, requests: many.map((key) => request(key)), expected: VALID },
      'rate-limited key': { url, requests: [request(limited.key)], expected: VALID },
      'unknown keys': { url, requests: unknown.map((key) => request(key)), expected: '"code":"NOT_FOUND"' },
      'Idempotency-Key': {
        url,
        requests: [request(hot.key, { headers: { 'Idempotency-Key': `bench-${SLOT}` } })],
        expected: VALID,
      },
    },
  };
}

/** `input`: of the n-th key. */
export async function createKeys(
  server: KeymeterServer,
  input: (n: number) => object,
  count: number,
): Promise<string[]> {
  const keys: string[] = [];
  while (keys.length < count) {
    const some = Math.min(50, count - keys.length);
    const created = await Promise.all(Array.from({ length: some }, (_, n) => server.createKey(input(keys.length + n))));
    keys.push(...created.map(({ key }) => key));
  }
  return keys;
}
