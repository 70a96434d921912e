/** Metrics of what is counted. Each says what a bad value means. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Committed } from './usage-writer.js';

export interface UsageGauges {
  lagRecords(): number;
  lagMs(): number;
  /** Absent where the log is on other machines. */
  logBytes?(): number;
}

export class UsageMetrics {
  readonly #events: Counter<'fate'>;
  readonly #replayed: Counter;

  constructor(registry: Registry, gauges: () => UsageGauges | undefined) {
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
      gauges()?.logBytes?.(),
    );
  }

  committed({ counts }: Committed): void {
    this.#events.inc({ fate: 'counted' }, counts.counted);
    this.#events.inc({ fate: 'duplicate' }, counts.duplicates);
    this.#events.inc({ fate: 'conflict' }, counts.conflicts);
    this.#events.inc({ fate: 'undecodable' }, counts.undecodable);
  }

  replayed(): void {
    this.#replayed.inc();
  }
}

export function gauge(registry: Registry, name: string, help: string, read: () => number | undefined): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read() ?? 0);
    },
  });
}
