/**
 * Peers, sentence 10, over the product as it runs: decisions, a lift and policy changes through a kill, then one record
 * flipped and one deleted by hand; the command names the first bad position and ends with 1.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { HttpCaller } from '../crash/http-caller.js';
import { settled } from '../crash/server-view.js';
import { createKey } from '../crash/world.js';
import { startCli } from '../support/cli-process.js';
import { eventually } from '../support/eventually.js';
import { type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';

const folder = temporaryFolder('audit', async () => {
  http?.close();
  await standalone?.end('SIGKILL');
});
const dataDir = join(folder, 'data');
const TIMEOUT_MS = 900_000;
const WITHIN_MS = 240_000;
let standalone: Standalone;
let http: HttpCaller;

async function start(): Promise<void> {
  standalone = await startStandalone({ dataDir, timeoutMs: WITHIN_MS });
  http = new HttpCaller(standalone.url, standalone.rootKey);
}

async function stop(): Promise<void> {
  http.close();
  expect(await standalone.end()).toEqual({ code: 0, signal: null });
}

const cli = (...args: string[]) => startCli(join(folder, 'home'), standalone, args).ended;

/** Goes over the limit with a new key, and waits for the decision. */
async function decided(apiId: string): Promise<string> {
  const { keyId, key } = await createKey(http, apiId, {});
  for (let n = 0; n < 4; n++) await http.demand('POST', '/v2/keys.verifyKey', { key });
  let id = '';
  await eventually(async () => {
    const { items } = await http.demand('GET', `/api/v1/enforcements?key=${keyId}`);
    expect(items).toHaveLength(1);
    id = items[0].id;
  }, WITHIN_MS);
  return id;
}

/** Changes the store by hand while nothing runs; answers where the audit row of the enforcement stood. */
async function tampered(statement: string, id: string): Promise<string> {
  await stop();
  const client = new ChdbSqlClient(join(dataDir, 'usage'));
  const [row] = await client.query<{ place: string }>(
    `SELECT concat(toString(partition), ':', toString(offset), ':', toString(idx)) AS place FROM keymeter.events WHERE id = '${id}'`,
  );
  await client.command(`${statement} SETTINGS mutations_sync = 1`);
  await client.close();
  await start();
  await settled(http);
  return row?.place ?? '';
}

test(
  'through a kill the trail stays whole; what is changed by hand is named by position',
  async () => {
    await start();
    const { apiId } = (await http.demand('POST', '/v2/apis.createApi', { name: 'audited' })).data;
    await http.demand('POST', '/api/v1/policies', {
      name: 'hot',
      match: { type: 'request' },
      groupBy: 'keyId',
      aggregate: 'count',
      window: '1h',
      threshold: 2,
      action: { type: 'suspend', for: '1d' },
      mode: 'on',
    });
    const ids = [await decided(apiId), await decided(apiId)];
    await standalone.end('SIGKILL');
    http.close();
    await start();
    await settled(http);
    ids.push(await decided(apiId));
    await http.demand('DELETE', `/api/v1/enforcements/${ids[0]}`, { reason: 'a test' });
    const rows = 1 + ids.length + 1;
    await eventually(async () => {
      const { partitions } = await http.demand('GET', '/api/v1/audit/verification');
      expect(partitions).toMatchObject([{ partition: 0, links: rows + 1, rows, gaps: 0, unlinked: 0 }]);
    }, WITHIN_MS);
    expect(await cli('audit', 'verify')).toMatchObject({ code: 0, stdout: expect.stringContaining('is whole') });
    const noted = await cli('audit', 'head');
    writeFileSync(join(folder, 'home', 'head.txt'), noted.stdout);
    expect((await cli('audit', 'verify', '--head', 'head.txt')).code).toBe(0);

    const flipped = await tampered(
      `ALTER TABLE keymeter.events UPDATE data = replace(data, '"threshold":2', '"threshold":9') WHERE id = '${ids[1]}'`,
      ids[1] as string,
    );
    expect(await cli('audit', 'verify')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(`broken at ${flipped}: row_changed`),
    });
    const deleted = await tampered(`ALTER TABLE keymeter.events DELETE WHERE id = '${ids[0]}'`, ids[0] as string);
    expect(await cli('audit', 'verify')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(`broken at ${deleted}: row_missing`),
    });
  },
  TIMEOUT_MS,
);
