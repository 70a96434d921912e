import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import type { Enforcement } from '#domain/policies/enforcement.js';
import { EnforcementLag } from '#runtime/metrics/enforcement-lag.js';

@Injectable()
export class PolicyMetrics {
  readonly #known: EnforcementLag;

  constructor(registry: Registry) {
    this.#known = new EnforcementLag(
      registry,
      'keymeter_enforcement_known_seconds',
      'From the acceptance of the event that crossed a threshold to the moment when every node obeys. Growing: policy processes lag, or nodes do not answer.',
    );
  }

  /** No node overlooks it from `now` on. */
  enforced(enforcement: Enforcement, now: number): void {
    if (enforcement.mode === 'on') this.#known.observe(enforcement, now);
  }
}
