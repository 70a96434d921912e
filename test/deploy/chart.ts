/** The chart as it is rendered with some values, and its parts by app. */
import { join } from 'node:path';
import { type Answer, CHART, demandManifest, readManifest } from './manifests.js';

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly secretKeyRef?: { readonly name: string; readonly key: string };
    readonly fieldRef?: { readonly fieldPath: string };
  };
}

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly EnvVar[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly resources: Readonly<Record<'requests' | 'limits', Readonly<Record<string, string>>>>;
  readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
  readonly securityContext: object;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

export interface PodSpec {
  readonly containers: readonly [Container];
  readonly terminationGracePeriodSeconds: number;
  readonly volumes: readonly { readonly name: string; readonly secret?: { readonly secretName: string } }[];
}

/** Of an object only what some test looks at; what it is, its kind says. */
// biome-ignore lint/suspicious/noExplicitAny: a rendered object of any kind
export type KubernetesObject = any;

export interface RenderedChart {
  readonly documents: readonly { readonly template: string; readonly object: KubernetesObject; unknown?: boolean }[];
  readonly notes: string;
  readonly findings: readonly string[];
}

export const APPS = ['ingress', 'policy', 'consumer', 'query'] as const;
export const VALUES = ['least', 'everything'] as const;

const request = (file: string, values: object, release = 'prod') => ({
  read: 'chart',
  path: CHART,
  release,
  namespace: 'keys',
  valuesFile: join(CHART, 'ci', `${file}.yaml`),
  values,
});

export function renderChart(file: (typeof VALUES)[number], release?: string): RenderedChart {
  return demandManifest(request(file, {}, release));
}

export function tryChart(file: (typeof VALUES)[number], values: object): Answer<RenderedChart> {
  return readManifest(request(file, values));
}

export function objectsOf(chart: RenderedChart, ...kinds: readonly string[]): KubernetesObject[] {
  return chart.documents.map(({ object }) => object).filter(({ kind }) => kinds.includes(kind));
}

export function workloadOf(chart: RenderedChart, app: string): KubernetesObject {
  const found = objectsOf(chart, 'StatefulSet', 'Deployment').filter((it) => it.metadata.name.endsWith(`-${app}`));
  if (found.length !== 1) throw new Error(`${found.length} workloads of ${app}`);
  return found[0];
}

export function podOf(chart: RenderedChart, app: string): PodSpec {
  return workloadOf(chart, app).spec.template.spec;
}

/** As the process would find them; a secret as a text that its schema takes. */
export function environmentOf({ env }: Container): Record<string, string> {
  return Object.fromEntries(
    env.map(({ name, value, valueFrom }) => [
      name,
      value ?? (valueFrom?.fieldRef ? 'pod-0' : 'a secret of more than thirty letters'),
    ]),
  );
}
