/** The Helm chart rendered by Helm's engine: what it installs is what the processes, their routes and settings are. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSettings } from '#runtime/config/read-settings.js';
import { SETTING_NAMES, settingsSchema } from '#runtime/config/settings.js';
import { APPS, environmentOf, objectsOf, podOf, type RenderedChart, renderChart, VALUES, workloadOf } from './chart.js';
import { describeWithManifests, ROOT } from './manifests.js';

const openApi = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8'));
const SECRETS = SETTING_NAMES.filter(
  (name) => (settingsSchema.shape[name].meta() as { unit: string }).unit === 'secret',
);
/** Kinds that come with an extension of Kubernetes. */
const EXTENSIONS = ['gateway.networking.k8s.io/v1 HTTPRoute', 'monitoring.coreos.com/v1 ServiceMonitor'];

describeWithManifests().each(VALUES)('the chart with %s', (file) => {
  let chart: RenderedChart;
  beforeAll(() => {
    chart = renderChart(file);
  });
  const containers = () => APPS.map((app) => podOf(chart, app).containers[0]);

  test("passes Helm's linter, and Kubernetes knows every field of every object", () => {
    expect(chart.findings).toEqual([]);
    const unknown = chart.documents
      .filter((it) => it.unknown)
      .map(({ object }) => `${object.apiVersion} ${object.kind}`);
    expect(unknown).toEqual(file === 'everything' ? EXTENSIONS : []);
    const ids = chart.documents.map(({ object }) => `${object.kind}/${object.metadata.name}`);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('each process starts with the settings it is given', () => {
    for (const container of containers()) {
      const environment = environmentOf(container);
      expect(Object.keys(environment)).toHaveLength(container.env.length);
      expect(readSettings(environment)).toMatchObject({ KEYMETER_STORES: 'cluster', KEYMETER_HOST: '0.0.0.0' });
    }
  });

  test('no secret is a value', () => {
    const names = new Set(containers().flatMap(({ env }) => env.map(({ name }) => name)));
    expect([...names].filter((name) => (SECRETS as string[]).includes(name))).toContain('KEYMETER_ROOT_KEY');
    for (const { env } of containers()) {
      const literal = env.filter((it) => (SECRETS as string[]).includes(it.name) && !it.valueFrom?.secretKeyRef);
      expect(literal).toEqual([]);
    }
  });

  test('each program is one that the build makes', () => {
    for (const { name, args } of containers()) {
      expect(args).toEqual([`dist/run/${name}.js`]);
      expect(existsSync(join(ROOT, `apps/${name}/src/main.ts`))).toBe(true);
    }
  });

  test('probes and scrapes ask routes that exist, on the port that the process listens on', () => {
    const asked = containers().flatMap((it) => [it.startupProbe, it.livenessProbe, it.readinessProbe]);
    const scraped = objectsOf(chart, 'ServiceMonitor').flatMap(({ spec }) => spec.endpoints);
    const paths = [...asked.map(({ httpGet }) => httpGet.path), ...scraped.map(({ path }) => path)];
    expect(paths.filter((path) => openApi.paths[path]?.get === undefined)).toEqual([]);
    for (const container of containers()) {
      const { KEYMETER_PORT } = readSettings(environmentOf(container));
      expect(container.ports).toEqual([{ name: 'http', containerPort: KEYMETER_PORT }]);
    }
    expect(asked.every(({ httpGet }) => httpGet.port === 'http')).toBe(true);
    for (const { spec } of objectsOf(chart, 'Service')) expect(spec.ports[0]).toMatchObject({ targetPort: 'http' });
  });

  test('a pod may write to its own folders alone, has no rights and no token', () => {
    for (const app of APPS) {
      const pod = podOf(chart, app);
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 1000,
          fsGroup: 1000,
          seccompProfile: { type: 'RuntimeDefault' },
        },
      });
      expect(pod.containers).toHaveLength(1);
      expect(pod.containers[0].securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(pod.containers[0].resources).toMatchObject({
        requests: { cpu: expect.any(String), memory: expect.any(String) },
        limits: { memory: expect.any(String) },
      });
    }
  });

  test('no variable of a service comes into a pod, where it would be taken for a setting', () => {
    for (const app of APPS) expect(podOf(chart, app)).toMatchObject({ enableServiceLinks: false });
  });

  test('a pod is given the time that its process takes to stop, after the time in which nobody is sent to it any more', () => {
    for (const app of APPS) {
      const pod = podOf(chart, app);
      const [container] = pod.containers;
      const { KEYMETER_SHUTDOWN_MS } = readSettings(environmentOf(container));
      const [program, seconds] = container.lifecycle.preStop.exec.command;
      expect(program).toBe('sleep');
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(Number(seconds) + KEYMETER_SHUTDOWN_MS / 1000);
    }
  });

  test('an ingress and a policy process keep their spool on a volume of their own that it fits in; the others keep nothing', () => {
    for (const app of ['ingress', 'policy']) {
      const { kind, spec } = workloadOf(chart, app);
      expect(kind).toBe('StatefulSet');
      expect(spec.persistentVolumeClaimRetentionPolicy).toEqual({ whenDeleted: 'Retain', whenScaled: 'Retain' });
      const [claim] = spec.volumeClaimTemplates;
      const bytes = Number(claim.spec.resources.requests.storage.replace('Gi', '')) * 2 ** 30;
      const settings = readSettings(environmentOf(spec.template.spec.containers[0]));
      expect(settings.KEYMETER_SPOOL_MAX_BYTES).toBe((bytes * 3) / 4);
      expect(settings.KEYMETER_SPOOL_MAX_BYTES + settings.KEYMETER_DISK_RESERVE_BYTES).toBeLessThan(bytes);
    }
    for (const app of ['consumer', 'query']) expect(workloadOf(chart, app)).toMatchObject({ kind: 'Deployment' });
  });

  test('what is mounted is there, and files of certificates lie in what is mounted', () => {
    for (const app of APPS) {
      const { spec } = workloadOf(chart, app);
      const { containers, volumes } = podOf(chart, app);
      const claims = (spec.volumeClaimTemplates ?? []).map(
        ({ metadata }: { metadata: { name: string } }) => metadata.name,
      );
      const there = [...volumes.map(({ name }) => name), ...claims];
      const [{ volumeMounts, env }] = containers;
      expect([...there].sort()).toEqual(volumeMounts.map(({ name }) => name).sort());
      const files = env.filter(({ name }) => name.endsWith('_FILE')).map(({ value = '' }) => value);
      expect(files).toHaveLength(file === 'everything' ? 7 : 0);
      const folders = volumeMounts.map(({ mountPath }) => `${mountPath}/`);
      expect(files.filter((path) => !folders.some((folder) => path.startsWith(folder)))).toEqual([]);
      const { KEYMETER_DATA_DIR } = environmentOf(containers[0]);
      expect(folders).toContain(`${KEYMETER_DATA_DIR}/`);
    }
  });

  test('the longest name that Kubernetes makes of a pod is a name of a node', () => {
    const longest = renderChart(file, 'r'.repeat(53)); // more is refused by Helm
    for (const app of APPS) {
      const { kind, metadata } = workloadOf(longest, app);
      const name = `${metadata.name}${kind === 'Deployment' ? '-0123456789-abcde' : '-9999'}`;
      expect(readSettings({ KEYMETER_NODE_ID: name })).toMatchObject({ KEYMETER_NODE_ID: name });
    }
  });
});
