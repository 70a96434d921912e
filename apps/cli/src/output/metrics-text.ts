/** Samples of a Prometheus text page, histogram buckets left out. */
export interface MetricSample {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/;

export function parseMetrics(page: string): MetricSample[] {
  const samples: MetricSample[] = [];
  for (const line of page.split('\n')) {
    const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? [];
    if (name === '' || name.endsWith('_bucket') || Number.isNaN(Number(value))) continue;
    samples.push({ name, labels, value: Number(value) });
  }
  return samples;
}
