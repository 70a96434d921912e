import { Histogram, type Registry } from 'prom-client';
import type { Enforcement } from '#domain/policies/enforcement.js';

const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 60];
/** Policies that have a label of their own; those after them share one. */
const MAX_LABELS = 500;
const REST = 'others';

/**
 * How long enforcement takes, per policy, counted from the acceptance of the event that caused it. By the clocks of the
 * node that accepted and of the one that measures: nodes whose clocks differ show it here.
 */
export class EnforcementLag {
  readonly #histogram: Histogram<'policy'>;
  readonly #labels = new Set<string>();

  constructor(registry: Registry, name: string, help: string) {
    this.#histogram = new Histogram({ name, help, labelNames: ['policy'], buckets: BUCKETS, registers: [registry] });
  }

  observe({ acceptedAt, policyName }: Pick<Enforcement, 'acceptedAt' | 'policyName'>, now: number): void {
    if (acceptedAt === undefined) return;
    if (this.#labels.size < MAX_LABELS) this.#labels.add(policyName);
    const policy = this.#labels.has(policyName) ? policyName : REST;
    this.#histogram.observe({ policy }, Math.max(0, now - acceptedAt) / 1000);
  }
}
