import type { LoggerService } from '@nestjs/common';
import { Counter, type Registry } from 'prom-client';

/** Records `[from, to)` of a partition that are gone from the log before policies had seen them. */
export interface PassedOver {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/**
 * A consumer that meets such a gap ends: it must not count past it. Policies go on, since a process that ends would leave
 * everybody unwatched; what they pass over is said aloud and counted.
 */
export class PassedOverLog {
  readonly #records: Counter<'log'>;

  constructor(
    registry: Registry,
    private readonly logger: LoggerService,
  ) {
    this.#records = new Counter({
      name: 'keymeter_policy_passed_over_records_total',
      help: 'Records that retention took before policies had seen them: nobody was held for what was in them.',
      labelNames: ['log'],
      registers: [registry],
    });
  }

  /** `log`: name of the topic without its prefix. */
  of(log: 'events' | 'regrouped'): (gap: PassedOver) => void {
    this.#records.inc({ log }, 0);
    return ({ partition, from, to }) => {
      this.#records.inc({ log }, to - from);
      const reason = `Records [${from}, ${to}) of partition ${partition} of ${log} are gone: retention took them before policies had seen them. Windows that reach back into them count too little until they have passed. Keep the log for longer than a policy process may be away (KEYMETER_LOG_RETENTION_HOURS); see docs/guides/cluster.md, records that policies have not seen.`;
      this.logger.error({ event: 'records were lost to policies', partition, from, to, reason });
    };
  }
}
