/** Shows each partition that stands still: as a metric, and once as a line in the log. */
import type { LoggerService } from '@nestjs/common';
import { Gauge, type Registry } from 'prom-client';
import { KeymeterError } from '#domain/errors.js';
import type { Clock } from '#ports/clock.js';
import { type PartitionPosition, ProgressAges } from '#stream/progress-ages.js';
import { every } from '../periodic.js';

const LOOK_EVERY_MS = 2_000;
const STANDS_STILL_MS = 60_000;

type Positions = () => Promise<readonly PartitionPosition[]>;

interface Watched {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: LoggerService;
}

export class PartitionProgressMetric {
  readonly #ages: ProgressAges;
  readonly #told = new Set<number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    registry: Registry,
    clock: Clock,
    private readonly logger: LoggerService,
  ) {
    const ages = new ProgressAges(clock);
    this.#ages = ages;
    new Gauge({
      name: 'keymeter_partition_progress_age_seconds',
      help: 'Time since the position of a partition last moved while there was something to read; 0 when all is read. Growing: it stands still.',
      labelNames: ['partition'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [partition, ageMs] of ages.ages()) this.set({ partition }, ageMs / 1000);
      },
    });
  }

  /** Looks by itself until it is closed. */
  static watching({ registry, clock, logger }: Watched, positions: Positions): PartitionProgressMetric {
    const metric = new PartitionProgressMetric(registry, clock, logger);
    metric.#watch(positions);
    return metric;
  }

  /** While positions cannot be asked for, the ages of the partitions that were behind go on growing. */
  #watch(positions: Positions): void {
    const look = async () => {
      try {
        this.found(await positions());
      } catch (error) {
        if (!(error instanceof KeymeterError && error.retryable)) throw error;
      }
    };
    this.#timer = every(LOOK_EVERY_MS, look, this.logger);
  }

  found(positions: readonly PartitionPosition[]): void {
    this.#ages.found(positions);
    for (const [partition, ageMs] of this.#ages.ages()) {
      if (ageMs < STANDS_STILL_MS) this.#told.delete(partition);
      else if (!this.#told.has(partition)) {
        this.#told.add(partition);
        const { next, end } = positions.find((it) => it.partition === partition) as PartitionPosition;
        this.logger.warn({
          event: 'a partition stands still',
          partition,
          next,
          end,
          seconds: Math.round(ageMs / 1000),
        });
      }
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
