/** Metrics of everything behind the log. Each says what a bad value means. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Committed } from '../../consumer/src/usage-writer.js';

export interface PipelineGauges {
  lagRecords(): number;
  lagMs(): number;
  logBytes(): number;
}

/** What the policy engine holds and has left out, as the pipeline thread tells it. */
export interface EngineState {
  readonly targets: number;
  readonly keptEvents: number;
  readonly late: number;
  readonly unmeasured: number;
  readonly truncated: number;
  readonly evictedTargets: number;
}

const NO_ENGINE: EngineState = { targets: 0, keptEvents: 0, late: 0, unmeasured: 0, truncated: 0, evictedTargets: 0 };

export class PipelineMetrics {
  #engine = NO_ENGINE;
  readonly #events: Counter<'fate'>;
  readonly #replayed: Counter;

  constructor(registry: Registry, gauges: () => PipelineGauges | undefined) {
    this.#events = new Counter({
      name: 'keymeter_events_total',
      help: 'Events taken from the log by fate: counted, duplicate, conflict or undecodable (the last two are dead letters).',
      labelNames: ['fate'],
      registers: [registry],
    });
    this.#replayed = new Counter({
      name: 'keymeter_replayed_ranges_total',
      help: 'Offset ranges proved after an interruption. Grows by one per crash of the consumer; more means it keeps crashing.',
      registers: [registry],
    });
    this.#engineGauges(registry);
    gauge(
      registry,
      'keymeter_lag_records',
      'Log records not yet counted. Growing means inserts are slower than ingest.',
      () => gauges()?.lagRecords(),
    );
    gauge(
      registry,
      'keymeter_lag_seconds',
      'Age of the oldest record not yet counted.',
      () => (gauges()?.lagMs() ?? 0) / 1000,
    );
    gauge(registry, 'keymeter_log_bytes', 'Size of the event log. At its limit ingest answers 503.', () =>
      gauges()?.logBytes(),
    );
  }

  committed({ counts }: Committed): void {
    this.#events.inc({ fate: 'counted' }, counts.counted);
    this.#events.inc({ fate: 'duplicate' }, counts.duplicates);
    this.#events.inc({ fate: 'conflict' }, counts.conflicts);
    this.#events.inc({ fate: 'undecodable' }, counts.undecodable);
  }

  #engineGauges(registry: Registry): void {
    const engine = (name: string, help: string, read: (state: EngineState) => number) =>
      gauge(registry, `keymeter_policy_${name}`, help, () => read(this.#engine));
    engine('targets', 'Targets that policies follow.', ({ targets }) => targets);
    engine(
      'kept_events',
      'Events kept for sliding windows; at the limit targets are forgotten.',
      (it) => it.keptEvents,
    );
    engine('late_events', 'Events too late for policies since the start; usage counts them.', ({ late }) => late);
    engine('unmeasured_events', 'Matching events without a target or a number to sum.', (it) => it.unmeasured);
    engine('truncated_events', 'Events that a limit cost a window, understating it.', ({ truncated }) => truncated);
    engine(
      'evicted_targets',
      'Targets forgotten while they still counted: policies see too little.',
      (it) => it.evictedTargets,
    );
  }

  engineIs(state: EngineState): void {
    this.#engine = state;
  }

  replayed(): void {
    this.#replayed.inc();
  }
}

function gauge(registry: Registry, name: string, help: string, read: () => number | undefined): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read() ?? 0);
    },
  });
}
