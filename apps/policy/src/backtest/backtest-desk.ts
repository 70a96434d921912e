import { randomBytes } from 'node:crypto';
import { Injectable, type OnModuleDestroy, Optional } from '@nestjs/common';
import { KeymeterError } from '#domain/errors.js';
import { mintId } from '#domain/keys/key-text.js';
import type { BacktestReport } from '#domain/policies/backtest/backtest-report.js';
import type { BacktestRequest } from '#domain/policies/backtest/backtest-request.js';
import { candidateOf } from '#domain/policies/backtest/candidate.js';
import { DEFAULT_LIMITS } from '#domain/policies/engine-limits.js';
import { Clock } from '#ports/clock.js';
import { PolicyStore } from '#ports/policy-store.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { LiveLateness } from '../enforcement/explanation-desk.js';
import type { BacktestProgress } from './backtest-driver.js';
import { BacktestRunner } from './backtest-runner.js';

export interface BacktestState {
  readonly id: string;
  readonly policyName: string;
  readonly state: 'running' | 'done' | 'cancelled' | 'failed';
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly progress: BacktestProgress;
  readonly report?: BacktestReport;
  /** Why it failed, one sentence. */
  readonly reason?: string;
}

/** Reports that can be read again. */
const KEPT = 20;

/** Starts, follows and cancels backtests of this process: one at a time. */
@Injectable()
export class BacktestDesk implements OnModuleDestroy {
  readonly #states = new Map<string, BacktestState>();
  #running: { readonly id: string; readonly controller: AbortController } | undefined;

  constructor(
    private readonly store: PolicyStore,
    private readonly clock: Clock,
    @Optional() private readonly runner?: BacktestRunner,
    @Optional() private readonly lateness: LiveLateness = new LiveLateness(DEFAULT_LIMITS.latenessMs),
  ) {}

  async start(request: BacktestRequest): Promise<BacktestState> {
    if (!this.runner) throw new HttpProblem(404, 'application/route_not_found', 'This process has no stored events.');
    const policies = (await this.store.list()).map(({ policy }) => policy);
    if (this.#running) throw isRunning(this.#running.id);
    const { policy: input, from, allow, tagged } = request;
    const now = this.clock.now();
    const inForce = policies.find(({ name }) => name === input.name);
    const candidate = candidateOf(input, inForce, now);
    const to = Math.min(request.to ?? now, now);
    const job = { candidate, inForce, from, to, allow, tagged, latenessMs: this.lateness.ms };
    const id = mintId('bt', randomBytes(16));
    const state: BacktestState = {
      id,
      policyName: input.name,
      state: 'running',
      startedAt: now,
      progress: { read: 0, total: 0 },
    };
    this.#keep(state);
    const controller = new AbortController();
    this.#running = { id, controller };
    void this.runner
      .run(job, (progress) => this.#update(id, { progress }), controller.signal)
      .then((report) => this.#end(id, report ? { state: 'done', report } : { state: 'cancelled' }))
      .catch((error: unknown) => this.#end(id, { state: 'failed', reason: reasonOf(error) }));
    return state;
  }

  /** Newest first, without reports. */
  list(): BacktestState[] {
    return [...this.#states.values()].reverse().map(({ report: _report, ...state }) => state);
  }

  find(id: string): BacktestState {
    const state = this.#states.get(id);
    if (state) return state;
    throw new HttpProblem(404, 'policy/backtest_not_found', `There is no backtest ${id.slice(0, 64)} in this process.`);
  }

  /** Whether one of the reports that are kept is about this content. */
  hasReport(contentId: string): boolean {
    return [...this.#states.values()].some(({ report }) => report?.policy.contentId === contentId);
  }

  /** Ends it where it runs; a repeat changes nothing. */
  cancel(id: string): void {
    this.find(id);
    if (this.#running?.id === id) this.#running.controller.abort();
  }

  onModuleDestroy(): void {
    this.#running?.controller.abort();
  }

  #end(id: string, outcome: Partial<BacktestState>): void {
    this.#running = undefined;
    this.#update(id, { ...outcome, endedAt: this.clock.now() });
  }

  #update(id: string, change: Partial<BacktestState>): void {
    const state = this.#states.get(id);
    if (state) this.#states.set(id, { ...state, ...change });
  }

  #keep(state: BacktestState): void {
    this.#states.set(state.id, state);
    for (const id of this.#states.keys()) {
      if (this.#states.size <= KEPT) break;
      this.#states.delete(id);
    }
  }
}

function isRunning(id: string): HttpProblem {
  const detail = `Backtest ${id} is running: one runs at a time. Wait until it has ended, or cancel it.`;
  return new HttpProblem(409, 'policy/backtest_running', detail);
}

function reasonOf(error: unknown): string {
  if (error instanceof KeymeterError) return `Stored events cannot be read now (${error.code}): run it again later.`;
  return `It ended unexpectedly: ${error instanceof Error ? error.message : String(error)}`;
}
