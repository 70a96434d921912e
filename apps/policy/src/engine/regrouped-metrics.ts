import { Counter, Gauge, type Registry } from 'prom-client';
import type { RegroupedEngine } from '#domain/policies/regrouped-engine.js';

export interface RegroupedFigures {
  readonly lagRecords: () => number;
  readonly engines: () => readonly RegroupedEngine[];
}

/** Of the regrouped log, as far as this process reads it. */
export class RegroupedMetrics {
  readonly #unreadable: Counter;

  constructor(registry: Registry, figures: RegroupedFigures) {
    const registers = [registry];
    this.#unreadable = new Counter({
      name: 'keymeter_regrouped_unreadable_total',
      help: 'Records of keymeter.regrouped that are none of ours; they are passed over.',
      registers,
    });
    new Gauge({
      name: 'keymeter_regrouped_lag_records',
      help: 'Records of keymeter.regrouped that policies have not seen yet.',
      registers,
      collect() {
        this.set(figures.lagRecords());
      },
    });
    new Gauge({
      name: 'keymeter_regrouped_repeated_entries',
      help: 'Entries that came again after a crash or a rebalance, since the partitions were taken up; they count once.',
      registers,
      collect() {
        this.set(figures.engines().reduce((sum, { counters }) => sum + counters.repeated, 0));
      },
    });
  }

  unreadable(): void {
    this.#unreadable.inc();
  }
}
