import { Injectable } from '@nestjs/common';
import type { EventPosition } from '#domain/log/position.js';
import { type Enforcement, isActive } from '#domain/policies/enforcement.js';
import { liftEvent } from '#domain/policies/policy-change.js';
import { Clock } from '#ports/clock.js';
import { EnforcementStore } from '#ports/enforcement-store.js';
import { EventLookup } from '#ports/event-lookup.js';
import { PolicyStore } from '#ports/policy-store.js';
import { HttpProblem, invalidInput } from '#runtime/http/http-problem.js';
import { AuditLog } from '../audit/audit-log.js';
import { OneAtATime } from '../one-at-a-time.js';
import { type EnforcementQuery, targetOf } from './enforcement-query.js';

export interface EnforcementPage {
  readonly items: readonly Enforcement[];
  readonly nextCursor?: string;
}

export interface ExplainedEnforcement extends Omit<Enforcement, 'events'> {
  /** `id` is absent where the event is not stored yet, or no longer. */
  readonly events: readonly (EventPosition & { readonly id?: string })[];
}

/** Lists, explains and lifts what policies decided. */
@Injectable()
export class EnforcementDesk {
  readonly #lifts = new OneAtATime();

  constructor(
    private readonly store: EnforcementStore,
    private readonly policies: PolicyStore,
    private readonly lookup: EventLookup,
    private readonly log: AuditLog,
    private readonly clock: Clock,
  ) {}

  async list(query: EnforcementQuery): Promise<EnforcementPage> {
    const { limit, cursor: after, mode } = query;
    if (after !== undefined && !(await this.store.find(after))) {
      throw invalidInput('The cursor is of no page.', [{ location: '/cursor', message: 'unknown cursor' }]);
    }
    const policyId = query.policyId ?? (await this.policyId(query.policy));
    const activeAt = query.active === 'true' ? this.clock.now() : undefined;
    const filter = { ...targetOf(query), policyId, activeAt, mode, after };
    const found = await this.store.list({ ...filter, limit: limit + 1 });
    const items = found.slice(0, limit);
    const wanted = query.active === 'false' ? items.filter((it) => !isActive(it, this.clock.now())) : items;
    return found.length > limit ? { items: wanted, nextCursor: items.at(-1)?.id } : { items: wanted };
  }

  async explain(id: string): Promise<ExplainedEnforcement> {
    const enforcement = (await this.store.find(id)) ?? notFound(id);
    const ids = await this.lookup.idsAt(enforcement.events);
    return { ...enforcement, events: enforcement.events.map((position, n) => ({ ...position, id: ids[n] })) };
  }

  /** Log first: after a crash in between, the repeated call finds it unlifted and lifts it. */
  lift(id: string, by: string, reason: string): Promise<Enforcement> {
    return this.#lifts.run(async () => {
      const enforcement = (await this.store.find(id)) ?? notFound(id);
      if (enforcement.lifted) return enforcement;
      const lifted = { at: this.clock.now(), by, reason };
      await this.log.append(liftEvent(this.log.newRowId(), lifted.at, { ...enforcement, lifted }));
      return (await this.store.lift(id, lifted)) ?? notFound(id);
    });
  }

  /** A name of no policy selects nothing. */
  async policyId(name: string | undefined): Promise<string | undefined> {
    if (name === undefined) return undefined;
    return (await this.policies.list()).find(({ policy }) => policy.name === name)?.policy.id ?? '';
  }
}

export function notFound(id: string): never {
  throw new HttpProblem(404, 'enforcement/not_found', `There is no enforcement ${id.slice(0, 80)}.`);
}
