/** RateLimit fields of a policy's calendar quota: what is left before anything is decided, then that nothing is. */
import { join } from 'node:path';
import { HttpCaller } from '../crash/http-caller.js';
import { createKey } from '../crash/world.js';
import { eventually } from '../support/eventually.js';
import { startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { parseStructuredList } from './structured-fields.js';

const folder = temporaryFolder('quota-left');
const LIMIT = 20;

/** Calls from one address count, so that looking does not. */
const quota = {
  kind: 'Policy',
  apiVersion: 'keymeter/v1',
  name: 'monthly',
  mode: 'on',
  match: 'type == "request" && outcome == "VALID" && ip == "192.0.2.1"',
  per: 'keyId',
  measures: { calls: { aggregate: 'count', window: { calendar: 'month', timeZone: 'Asia/Kathmandu' } } },
  when: `calls > ${LIMIT}`,
  // biome-ignore lint/suspicious/noThenProperty: a list is no function
  then: [{ action: 'throttle', limit: 0, window: '1m', for: 'window' }],
  tests: [
    {
      name: 'one more',
      given: [{ repeat: LIMIT + 1, data: { keyId: 'k', outcome: 'VALID', ip: '192.0.2.1' } }],
      expect: [{ action: 'throttle', subject: 'k' }],
    },
    {
      name: 'all of them',
      given: [{ repeat: LIMIT, data: { keyId: 'k', outcome: 'VALID', ip: '192.0.2.1' } }],
      expect: [],
    },
  ],
};

test('a caller sees how many calls of the month are left, also after a restart, and when the next month begins', async () => {
  let standalone = await startStandalone({ dataDir: join(folder, 'data') });
  let http = new HttpCaller(standalone.url, standalone.rootKey);
  const { apiId } = (await http.demand('POST', '/v2/apis.createApi', { name: 'quota' })).data;
  const key = await createKey(http, apiId);
  await http.demand('POST', '/api/v1/policies', quota);
  const call = async (ip: string) => {
    const answer = await http.post('/v2/keys.verifyKey', { key: key.key, tags: [`ip=${ip}`] });
    if (answer.kind === 'lost') throw new Error(answer.reason);
    const field = (name: string) => {
      const text = answer.headers[name];
      return text === undefined ? undefined : parseStructuredList(String(text)).at(-1);
    };
    const [state, policy] = [field('ratelimit'), field('ratelimit-policy')];
    return { state, policy, code: JSON.parse(answer.text).data.code };
  };
  const left = async (count: number) => {
    const { state, policy, code } = await call('192.0.2.2');
    expect([state?.value, state?.parameters.get('r')]).toEqual(['monthly', count]);
    expect(policy?.parameters.get('q')).toBe(code === 'VALID' ? LIMIT : 0);
    const days = Number(policy?.parameters.get('w')) / 86_400;
    if (code === 'VALID') expect([28, 29, 30, 31]).toContain(days);
    expect(state?.parameters.get('t')).toBeLessThanOrEqual(31 * 86_400);
    return code;
  };
  const use = async (count: number) => {
    for (let n = 0; n < count; n++) expect((await call('192.0.2.1')).code).toBe('VALID');
  };

  await use(3);
  await eventually(() => left(LIMIT - 3));
  http.close();
  await standalone.end();
  standalone = await startStandalone({ dataDir: join(folder, 'data') });
  http = new HttpCaller(standalone.url, standalone.rootKey);
  await use(7);
  await eventually(() => left(LIMIT - 10));
  await use(10);
  await eventually(() => left(0));
  await use(1);
  await eventually(async () => expect(await left(0)).toBe('RATE_LIMITED'));
  http.close();
  await standalone.end();
}, 120_000);
