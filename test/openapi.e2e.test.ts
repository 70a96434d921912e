/** docs/openapi.json is what the server is: made from its schemas, with every route that it has and no other. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { openDataFolder } from '#adapters/embedded/data-folder.js';
import { openEmbeddedStores } from '#adapters/embedded/embedded-stores.js';
import { logOptions } from '#runtime/config/embedded-options.js';
import { readSettings } from '#runtime/config/read-settings.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { Readiness } from '#runtime/http/readiness.js';
import { RouteTable } from '#runtime/http/route-table.js';
import { CountedProgress } from '../apps/consumer/src/counted-progress.js';
import type { Parts } from '../apps/standalone/src/parts.js';
import { standaloneModule } from '../apps/standalone/src/standalone.module.js';
import { standalonePorts } from '../apps/standalone/src/standalone-ports.js';
import { temporaryFolder } from './support/temp-folder.js';

const ROOT = join(import.meta.dirname, '..');
const path = temporaryFolder('openapi');
const document = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8')) as {
  paths: Record<string, object>;
};

/** The composition of the standalone process, without the threads that its routes are not part of. */
async function routesOfTheServer(): Promise<string[]> {
  const folder = await openDataFolder(path);
  const settings = readSettings({});
  const clock = new ManualClock();
  const stores = await openEmbeddedStores(folder, logOptions(settings), clock);
  const pipeline = { progress: new CountedProgress(stores.log, clock) };
  const parts = {
    settings,
    clock,
    registry: new Registry(),
    readiness: new Readiness(),
    stores,
    pipeline,
    decoder: {},
  };
  const app = await createHttpApp(standaloneModule(standalonePorts(parts as unknown as Parts)), { logger: false });
  await app.init();
  await app.getHttpAdapter().getInstance().ready(); // plugins register their routes only now
  const routes = app.get(RouteTable).all;
  await app.close();
  await stores.close();
  folder.release();
  return routes;
}

/** Under any method, with any path behind, as its description says: gateways ask as the request came. */
const ANY_METHOD = /^(?!GET )\w+ \/api\/v1\/authorize$|\/api\/v1\/authorize\/\*$/;

test('every route of the server is documented, and no other', async () => {
  const documented = Object.entries(document.paths).flatMap(([template, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${template.replace(/\{(\w+)\}/g, ':$1')}`),
  );
  const routes = await routesOfTheServer();
  expect(routes.length).toBeGreaterThan(25);
  expect(documented.sort()).toEqual([...new Set(routes)].filter((route) => !ANY_METHOD.test(route)));
});

test('the committed document is what the schemas say now', () => {
  const check = spawnSync(process.execPath, ['scripts/openapi.mjs', '--check'], { cwd: ROOT, encoding: 'utf8' });
  expect(check).toMatchObject({ status: 0 });
}, 120_000);
