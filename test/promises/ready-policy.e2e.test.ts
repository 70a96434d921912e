/** A policy as it lies in `policies/`, put in force as a text, decides on verifications and nothing else that it needs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HttpCaller } from '../crash/http-caller.js';
import { createKey } from '../crash/world.js';
import { eventually } from '../support/eventually.js';
import { startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';

const dataDir = join(temporaryFolder('ready-policy'), 'data');
const file = join(import.meta.dirname, '../../policies/burst.yaml');
const CALLS = 200; // in ten seconds, as the file says; then 50

test('burst.yaml slows a key down that is verified too often, and explains it from these verifications', async () => {
  const standalone = await startStandalone({ dataDir });
  const http = new HttpCaller(standalone.url, standalone.rootKey);
  const text = readFileSync(file, 'utf8').replace('mode: shadow', 'mode: on');
  const saved = await http.call('/api/v1/policies', {
    method: 'POST',
    headers: { 'content-type': 'application/yaml', 'content-length': String(Buffer.byteLength(text)) },
    body: text,
  });
  expect(saved).toMatchObject({ kind: 'answer', status: 201 });
  const { data } = await http.demand('POST', '/v2/apis.createApi', { name: 'ready' });
  const { key, keyId } = await createKey(http, data.apiId);
  const verify = async () => (await http.demand('POST', '/v2/keys.verifyKey', { key })).data.code;
  for (let n = 0; n <= CALLS; n++) expect(await verify()).toBe('VALID');
  let items: { id: string }[] = [];
  await eventually(async () => {
    ({ items } = await http.demand('GET', `/api/v1/enforcements?key=${keyId}`));
    expect(items).toMatchObject([
      { policyName: 'burst', mode: 'on', step: 'slow', value: CALLS + 1, threshold: CALLS },
    ]);
  });
  await eventually(async () => {
    const codes = new Set(await Promise.all(Array.from({ length: 60 }, verify)));
    expect(codes).toContain('RATE_LIMITED');
  });
  const explained = `/api/v1/enforcements/${items[0]?.id}/explanation`;
  await eventually(async () =>
    expect(await http.demand('GET', explained)).toMatchObject({ derived: { same: true, eventCount: CALLS + 1 } }),
  );
  http.close();
  await standalone.end();
}, 120_000);
