/** Objects of the Helm chart that point at one another: each finds what it points at. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { APPS, type KubernetesObject, objectsOf, podOf, type RenderedChart, renderChart, workloadOf } from './chart.js';
import { describeWithManifests, ROOT } from './manifests.js';

type Labels = Readonly<Record<string, string>>;

describeWithManifests()('the objects of the chart', () => {
  let chart: RenderedChart;
  beforeAll(() => {
    chart = renderChart('everything');
  });
  const labelsOf = (app: string): Labels => workloadOf(chart, app).spec.template.metadata.labels;
  const selectedBy = (selector: Labels) =>
    APPS.filter((app) => Object.entries(selector).every(([name, value]) => labelsOf(app)[name] === value));

  test('each workload, service, budget and spread selects the pods of its own app and no others', () => {
    const kinds = ['StatefulSet', 'Deployment', 'PodDisruptionBudget', 'Service'];
    const objects = objectsOf(chart, ...kinds);
    expect(objects).toHaveLength(4 + 4 + 7);
    for (const { kind, metadata, spec } of objects) {
      const app = metadata.labels['app.kubernetes.io/component'];
      expect(metadata.name).toMatch(new RegExp(`^prod-keymeter-${app}(-pods)?$`));
      expect(selectedBy(kind === 'Service' ? spec.selector : spec.selector.matchLabels)).toEqual([app]);
    }
    for (const app of APPS) {
      const { topologySpreadConstraints } = podOf(chart, app) as KubernetesObject;
      for (const it of topologySpreadConstraints) expect(selectedBy(it.labelSelector.matchLabels)).toEqual([app]);
    }
  });

  test('a stateful set names a service without an address of its own', () => {
    for (const { spec } of objectsOf(chart, 'StatefulSet')) {
      const [service] = objectsOf(chart, 'Service').filter(({ metadata }) => metadata.name === spec.serviceName);
      expect(service.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
    }
  });

  test('an autoscaler scales a workload that names no number of its own: by processor time, by the metric of lag', () => {
    const scalers = objectsOf(chart, 'HorizontalPodAutoscaler');
    expect(scalers.map(({ spec }) => spec.scaleTargetRef.name).sort()).toEqual([
      'prod-keymeter-consumer',
      'prod-keymeter-ingress',
    ]);
    for (const { spec } of scalers) {
      const [target] = objectsOf(chart, spec.scaleTargetRef.kind).filter(
        (it) => it.metadata.name === spec.scaleTargetRef.name,
      );
      expect(target.apiVersion).toBe(spec.scaleTargetRef.apiVersion);
      expect(target.spec.replicas).toBeUndefined();
    }
    const metrics = scalers.flatMap(({ spec }) => spec.metrics);
    expect(metrics.map(({ type }) => type).sort()).toEqual(['External', 'Resource']);
    const { metric } = metrics.find(({ type }) => type === 'External').external;
    expect(metric.selector.matchLabels).toEqual({ namespace: 'keys' });
    expect(readFileSync(join(ROOT, 'docs/guides/operations.md'), 'utf8')).toContain(`\`${metric.name}\``);
    for (const app of ['policy', 'query']) expect(workloadOf(chart, app).spec.replicas).toBe(2);
  });

  test('the network policy lets every pod reach all servers that it is told of', () => {
    const [{ spec }] = objectsOf(chart, 'NetworkPolicy');
    expect(selectedBy(spec.podSelector.matchLabels)).toEqual([...APPS]);
    const ports = spec.egress.flatMap((rule: { ports: { port: number }[] }) => rule.ports.map(({ port }) => port));
    expect(ports.sort((a: number, b: number) => a - b)).toEqual([53, 53, 6379, 8443, 9094, 9095, 26379]);
  });

  test('the monitor finds each pod once', () => {
    const [{ spec }] = objectsOf(chart, 'ServiceMonitor');
    const found = objectsOf(chart, 'Service').filter(({ metadata }) =>
      Object.entries(spec.selector.matchLabels).every(([name, value]) => metadata.labels[name] === value),
    );
    expect(found.flatMap((it) => selectedBy(it.spec.selector)).sort()).toEqual([...APPS].sort());
    for (const it of found) expect(it.spec.ports[0].name).toBe(spec.endpoints[0].port);
  });
});
