/** The one address that the chart puts before the apps: each documented route leads to an app that has it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { objectsOf, renderChart } from './chart.js';
import { describeWithManifests, ROOT } from './manifests.js';

interface Match {
  readonly path: { readonly type: 'Exact' | 'PathPrefix'; readonly value: string };
  readonly method?: string;
  readonly service: string;
}

interface Rule {
  readonly matches: readonly Omit<Match, 'service'>[];
  readonly backendRefs: readonly [{ readonly name: string }];
}

const folder = temporaryFolder('http-route');
const { paths } = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8')) as {
  paths: Record<string, object>;
};
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path: path.replace(/\{[^}]*\}/g, '1') })),
);
/** What stays inside: health and metrics. */
const inside = ({ path }: { path: string }) => /^\/(health|metrics)/.test(path);

describeWithManifests()('the HTTPRoute', () => {
  let matches: readonly Match[];
  const apps: Record<string, Standalone> = {};
  beforeAll(async () => {
    const [{ spec }] = objectsOf(renderChart('everything'), 'HTTPRoute');
    matches = (spec.rules as Rule[]).flatMap(({ matches: several, backendRefs: [service] }) =>
      several.map((match) => ({ ...match, service: service.name })),
    );
    for (const app of ['ingress', 'policy', 'query'] as const) {
      apps[`prod-keymeter-${app}`] = await startStandalone({ app, dataDir: join(folder, app) });
    }
  }, 120_000);
  afterAll(async () => {
    for (const app of Object.values(apps)) await app.end();
  });

  test.each(operations.filter((it) => !inside(it)))(
    '$method $path leads to an app that has it',
    async ({ method, path }) => {
      const service = serviceOf(matches, method, path);
      const answer = await fetch(`${apps[service ?? '']?.url}${path}`, { method });
      // Without a root key: 401 from a route that is there, 404 from none. `liveness` needs no key.
      expect(answer.status).toBe(path === '/v2/liveness' ? 200 : 401);
    },
  );

  test('health and metrics lead nowhere', () => {
    const led = operations.filter(inside).filter(({ method, path }) => serviceOf(matches, method, path) !== undefined);
    expect(led).toEqual([]);
  });
});

/** As the Gateway API ranks matches: an exact path, then the longest prefix, then one with a method. */
function serviceOf(matches: readonly Match[], method: string, path: string): string | undefined {
  const fits = matches.filter((it) => (it.method ?? method) === method && fitsPath(it, path));
  const rank = ({ path: { type, value }, method: one }: Match) => [type === 'Exact' ? 1 : 0, value.length, one ? 1 : 0];
  const [best] = fits.sort((a, b) => {
    const [left, right] = [rank(a), rank(b)];
    return right.map((value, i) => value - (left[i] ?? 0)).find((difference) => difference !== 0) ?? 0;
  });
  return best?.service;
}

/** A prefix ends at a slash. */
function fitsPath({ path: { type, value } }: Match, path: string): boolean {
  return path === value || (type === 'PathPrefix' && path.startsWith(`${value}/`));
}
