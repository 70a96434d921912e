import { Controller, Get, Query, UseGuards } from '@nestjs/common';
import { z } from 'zod';
import { Clock } from '#ports/clock.js';
import { Requires } from '#runtime/http/requires.decorator.js';
import { RootKeyGuard } from '#runtime/http/root-key.guard.js';
import { type Difference, unexplained } from '#stream/difference.js';
import { FullReconciliation, type FullyReconciled } from '#stream/reconciliation.js';

export const reconciliationQuery = z.object({ log: z.enum(['true', 'false']).default('false') });

const MAX_SHOWN = 100;

/** Whether every event of the log is counted, a duplicate, a conflict or a dead letter: everything that is still kept. */
@Controller('api/v1/reconciliation')
@UseGuards(RootKeyGuard)
export class ReconciliationController {
  #running: Promise<FullyReconciled> | undefined;
  #withLog = false;

  constructor(
    private readonly reconciliation: FullReconciliation,
    private readonly clock: Clock,
  ) {}

  @Get()
  @Requires('reconciliation.read_reconciliation')
  async read(@Query({ schema: reconciliationQuery }) { log }: z.output<typeof reconciliationQuery>): Promise<object> {
    const withLog = log === 'true';
    const found = await this.#run(withLog);
    const { differences } = found;
    return {
      checkedAt: new Date(this.clock.now()).toISOString(),
      unexplainedDifference: unexplained(differences),
      partitions: partitionsOf(found).map((partition) => partitionDocument(found, partition)),
      differences: differences.slice(0, MAX_SHOWN).map(differenceDocument),
    };
  }

  /** It reads a lot: who asks meanwhile gets the answer that is on its way. */
  async #run(withLog: boolean): Promise<FullyReconciled> {
    while (this.#running && this.#withLog !== withLog) await this.#running.catch(() => undefined);
    if (this.#running) return this.#running;
    this.#withLog = withLog;
    this.#running = this.reconciliation.full(withLog).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }
}

/** Also those of which nothing is booked although something should be. */
function partitionsOf({ spans, differences }: FullyReconciled): number[] {
  return [...new Set([...spans, ...differences].map(({ partition }) => partition))].sort((a, b) => a - b);
}

function partitionDocument({ spans, differences, totals }: FullyReconciled, partition: number): object {
  const isOwn = (it: { readonly partition: number }) => it.partition === partition;
  const { since = 0, until = 0 } = spans.find(isOwn) ?? {};
  const { appended = 0, counted = 0, duplicates = 0, conflicts = 0, undecodable = 0 } = totals.find(isOwn) ?? {};
  const first = differences.find(isOwn);
  return {
    partition,
    range: { first: since, next: until },
    appended,
    counted,
    duplicates,
    conflicts,
    undecodable,
    unexplainedDifference: unexplained(differences, partition),
    firstDifference: first && differenceDocument(first),
  };
}

function differenceDocument({ minute, ...difference }: Difference): object {
  return { ...difference, minute: minute > 0 ? new Date(minute).toISOString() : undefined };
}
