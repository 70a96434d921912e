import { Injectable } from '@nestjs/common';
import { Clock } from '#ports/clock.js';
import { type EnforcementFilter, EnforcementStore } from '#ports/enforcement-store.js';
import { EnforcementDesk } from './enforcement-desk.js';

/** Of one call: each lift is a row of the log. */
const MOST_LIFTED = 1_000;

export type LiftFilter = Pick<EnforcementFilter, 'policyId' | 'per' | 'value'>;

export interface LiftedMany {
  readonly lifted: number;
  /** There are others left: ask again. */
  readonly more: boolean;
}

/** Lifts everything that holds now and passes a filter. What was lifted stays lifted where the call fails half-way. */
@Injectable()
export class BulkLift {
  constructor(
    private readonly store: EnforcementStore,
    private readonly desk: EnforcementDesk,
    private readonly clock: Clock,
  ) {}

  async lift(filter: LiftFilter, by: string, reason: string): Promise<LiftedMany> {
    const found = await this.store.list({ ...filter, activeAt: this.clock.now(), limit: MOST_LIFTED + 1 });
    const held = found.slice(0, MOST_LIFTED);
    for (const { id } of held) await this.desk.lift(id, by, reason);
    return { lifted: held.length, more: found.length > held.length };
  }
}
