/**
 * The switch that pauses all enforcement. It is turned in the store first, where every verification sees it at once, also
 * while the log takes no rows; then its row goes into the log, so that every replay meets it at the same position. What a
 * crash leaves between the two is finished at the next start, or before the next turn.
 */
import { Injectable } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import { hash53, identityHash } from '#domain/events/hash53.js';
import type { UsageEvent } from '#domain/events/usage-event.js';
import { changeEvent, ENFORCEMENT_PAUSED, ENFORCEMENT_RESUMED, POLICY_SOURCE } from '#domain/policies/policy-change.js';
import { Clock } from '#ports/clock.js';
import { EnforcementSwitch, type SwitchState } from '#ports/enforcement-switch.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { AuditLog } from '../audit/audit-log.js';
import { OneAtATime } from '../one-at-a-time.js';

/** What a pause concerns. */
const ALL = 'all';

@Injectable()
export class EnforcementPause {
  readonly #turns = new OneAtATime();

  constructor(
    private readonly lever: EnforcementSwitch,
    private readonly log: AuditLog,
    private readonly clock: Clock,
    registry: Registry,
  ) {
    new Gauge({
      name: 'keymeter_enforcement_paused',
      help: '1 while all enforcement is paused: policies hold nobody back. Expected only while somebody works on it.',
      registers: [registry],
      async collect() {
        this.set((await lever.state().catch(() => undefined))?.isPaused ? 1 : 0);
      },
    });
  }

  state(): Promise<SwitchState | undefined> {
    return this.lever.state();
  }

  /** A repeat changes nothing and answers what stands. */
  turn(isPaused: boolean, by: string, reason: string): Promise<SwitchState> {
    return this.#turns.run(async () => {
      const before = await this.#recorded();
      if (before?.isPaused === isPaused) return before;
      const next = { isPaused, at: this.clock.now(), by, reason, rowId: this.log.newRowId(), isRecorded: false };
      if (before === undefined && !isPaused) return next; // it was never paused
      if (!(await this.lever.turn(next, before))) {
        throw new HttpProblem(
          409,
          'enforcement/switched_meanwhile',
          'Somebody else switched it meanwhile: look, repeat.',
        );
      }
      return this.#record(next);
    });
  }

  /** Writes the row that a crash has left out. Call at start. */
  recover(): Promise<unknown> {
    return this.#turns.run(() => this.#recorded());
  }

  async #recorded(): Promise<SwitchState | undefined> {
    const state = await this.lever.state();
    return state === undefined || state.isRecorded ? state : this.#record(state);
  }

  async #record(state: SwitchState): Promise<SwitchState> {
    await this.log.append(rowOf(state));
    const recorded = { ...state, isRecorded: true };
    await this.lever.turn(recorded, state); // where another process did it before, the row is known by its id
    return recorded;
  }
}

function rowOf({ isPaused, rowId: id, at, by, reason }: SwitchState): UsageEvent {
  const type = isPaused ? ENFORCEMENT_PAUSED : ENFORCEMENT_RESUMED;
  const row = changeEvent(type, id, ALL, at, { id, at, by, reason });
  return { ...row, idHash: identityHash(POLICY_SOURCE, id), fingerprint: hash53(id) };
}
