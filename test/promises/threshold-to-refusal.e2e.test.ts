/** Threshold crossed → refused, explained, shown at the key, lifted with a reason: for every action of a policy. */
import { join } from 'node:path';
import { type CallResult, HttpCaller } from '../crash/http-caller.js';
import { createKey, type LoadKey } from '../crash/world.js';
import { eventually } from '../support/eventually.js';
import { type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';

const dataDir = join(temporaryFolder('threshold'), 'data');
const THRESHOLD = 5;
let standalone: Standalone;
let http: HttpCaller;
let apiId: string;

beforeAll(async () => {
  standalone = await startStandalone({ dataDir });
  http = new HttpCaller(standalone.url, standalone.rootKey);
  apiId = (await http.demand('POST', '/v2/apis.createApi', { name: 'threshold' })).data.apiId;
});
afterAll(() => http.close());

const policyFor = (name: string, keyId: string, action: object) => ({
  name,
  match: { type: 'request', data: { keyId: { eq: keyId }, outcome: { eq: 'VALID' } } },
  groupBy: 'keyId',
  aggregate: 'count',
  window: '1h',
  threshold: THRESHOLD,
  action,
  mode: 'on',
});

/** The answer's request id, which is the id of its event, and its data. */
async function verify({ key }: LoadKey) {
  const { meta, data } = await http.demand('POST', '/v2/keys.verifyKey', { key });
  return { id: meta.requestId as string, ...data };
}

async function enforcementsOf({ keyId }: LoadKey) {
  return (await http.demand('GET', `/api/v1/enforcements?key=${keyId}`)).items;
}

function lift(id: string, input: object): Promise<CallResult> {
  const body = JSON.stringify(input);
  const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
  return http.call(`/api/v1/enforcements/${id}`, { method: 'DELETE', headers, body });
}

/** Verifies until the policy holds the key; returns the ids of the events that counted, and the first refusal. */
async function crossThreshold(key: LoadKey) {
  const counted: string[] = [];
  for (let n = 0; n <= THRESHOLD; n++) {
    const answer = await verify(key);
    expect(answer).toMatchObject({ valid: true, code: 'VALID' });
    counted.push(answer.id);
  }
  await eventually(async () => expect(await enforcementsOf(key)).toHaveLength(1));
  // The store has it a moment before the thread that serves has.
  const refused = await eventually(async () => {
    const answer = await verify(key);
    expect(answer.valid).toBe(false);
    return answer;
  });
  return { counted, refused };
}

describe.each([
  {
    type: 'throttle',
    action: { type: 'throttle', limit: 0, window: '1h', for: '1d' },
    code: 'RATE_LIMITED',
    lasts: 86_400_000,
  },
  { type: 'suspend', action: { type: 'suspend', for: '1d' }, code: 'DISABLED', lasts: 86_400_000 },
  { type: 'revoke', action: { type: 'revoke' }, code: 'DISABLED', lasts: null },
])('a policy that says $type', ({ type, action, code, lasts }) => {
  let key: LoadKey;
  let policyId: string;
  let id: string;
  let counted: string[];

  test('refuses verifications, which name it', async () => {
    key = await createKey(http, apiId);
    policyId = (await http.demand('POST', '/api/v1/policies', policyFor(`${type}-fast`, key.keyId, action))).id;
    const crossing = await crossThreshold(key);
    counted = crossing.counted;
    expect(crossing.refused).toMatchObject({ valid: false, code, enforcement: { policyId, action: type } });
    expect(crossing.refused.enforcement.reason).toContain(`${THRESHOLD + 1} exceeded the threshold of ${THRESHOLD}`);
    id = crossing.refused.enforcement.id;
  });

  test('is shown where the key is shown', async () => {
    const { data } = await http.demand('POST', '/v2/keys.getKey', { keyId: key.keyId });
    expect(data.enforcement).toMatchObject({ id, policyId, action: type });
    expect(data.enforcement.until === null).toBe(lasts === null);
  });

  test('explains itself by exactly the events that crossed the threshold', async () => {
    await eventually(async () => {
      const explained = await http.demand('GET', `/api/v1/enforcements/${id}`);
      expect(explained.events.map((event: { id: string }) => event.id)).toEqual(counted);
      expect(explained).toMatchObject({
        policyId,
        policyVersion: 1,
        value: THRESHOLD + 1,
        threshold: THRESHOLD,
        eventCount: THRESHOLD + 1,
        target: { per: 'key', value: key.keyId },
        until: lasts === null ? null : explained.begin + lasts,
      });
      const { partition, offset, index } = explained.events.at(-1);
      expect(explained.cause).toEqual({ partition, offset, index });
    });
  });

  test('is lifted with a reason, and the same window does not enforce again at once', async () => {
    expect(await lift(id, {})).toMatchObject({ kind: 'answer', status: 400 });
    expect(await enforcementsOf(key)).toEqual([expect.not.objectContaining({ lifted: expect.anything() })]);
    const answer = await lift(id, { reason: 'agreed by phone' });
    expect(answer).toMatchObject({ kind: 'answer', status: 200 });
    expect(await enforcementsOf(key)).toMatchObject([{ lifted: { reason: 'agreed by phone' } }]);
    for (let n = 0; n < THRESHOLD; n++) expect(await verify(key)).toMatchObject({ valid: true, code: 'VALID' });
    // A marker policy on the same events fires: the engine has seen them all, and this one stayed silent.
    const marker = await http.demand('POST', '/api/v1/policies', {
      ...policyFor(`${type}-marker`, key.keyId, { type: 'warn' }),
      threshold: 0,
    });
    await verify(key);
    await eventually(async () => {
      const policies = (await enforcementsOf(key)).map((it: { policyId: string }) => it.policyId);
      expect(policies).toContain(marker.id);
    });
    expect((await enforcementsOf(key)).filter((it: { policyId: string }) => it.policyId === policyId)).toHaveLength(1);
    expect(await verify(key)).toMatchObject({ valid: true, code: 'VALID' });
    const { data } = await http.demand('POST', '/v2/keys.getKey', { keyId: key.keyId });
    expect(data.enforcement).toBeUndefined();
  });
});
