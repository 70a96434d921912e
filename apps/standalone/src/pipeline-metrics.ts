/** Metrics of everything behind the log. Each says what a bad value means. */
import type { LoggerService } from '@nestjs/common';
import type { Registry } from 'prom-client';
import type { Clock } from '#ports/clock.js';
import { ReconciliationMetrics } from '../../consumer/src/reconciliation-metrics.js';
import { gauge, type UsageGauges, UsageMetrics } from '../../consumer/src/usage-metrics.js';

/** What the policy engine holds and has left out, as the pipeline thread tells it. */
export interface EngineState {
  readonly targets: number;
  readonly keptEvents: number;
  readonly late: number;
  readonly unmeasured: number;
  readonly truncated: number;
  readonly shelved: number;
}

const NO_ENGINE: EngineState = { targets: 0, keptEvents: 0, late: 0, unmeasured: 0, truncated: 0, shelved: 0 };

export class PipelineMetrics extends UsageMetrics {
  #engine = NO_ENGINE;

  readonly reconciliation: ReconciliationMetrics;

  constructor(registry: Registry, clock: Clock, logger: LoggerService, gauges: () => UsageGauges | undefined) {
    super(registry, gauges);
    this.reconciliation = new ReconciliationMetrics(registry, clock, logger);
    this.#engineGauges(registry);
  }

  #engineGauges(registry: Registry): void {
    const engine = (name: string, help: string, read: (state: EngineState) => number) =>
      gauge(registry, `keymeter_policy_${name}`, help, () => read(this.#engine));
    engine('targets', 'Targets that policies follow.', ({ targets }) => targets);
    engine(
      'kept_events',
      'Events kept for sliding windows; at the limit targets are laid aside on disk.',
      (it) => it.keptEvents,
    );
    engine('late_events', 'Events too late for policies since the start; usage counts them.', ({ late }) => late);
    engine('unmeasured_events', 'Matching events without a target or a number to sum.', (it) => it.unmeasured);
    engine('truncated_events', 'Events that a limit cost a window, understating it.', ({ truncated }) => truncated);
    engine('shelved_targets', 'Of the targets those for which there is no room in memory.', (it) => it.shelved);
  }

  engineIs(state: EngineState): void {
    this.#engine = state;
  }
}
