import { Injectable, Optional } from '@nestjs/common';
import type { Policy } from '#domain/policies/policy.js';
import { type GateFault, gateFault } from '#domain/policies/policy-gate.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import { BacktestDesk } from './backtest-desk.js';

/** KEYMETER_POLICY_GATE. */
export class GateSettings {
  constructor(readonly isShut: boolean) {}
}

const CODES: Record<GateFault, string> = {
  needs_backtest: 'policy/needs_backtest',
  needs_shadow: 'policy/needs_shadow',
};

const SENTENCES: Record<GateFault, (name: string) => string> = {
  needs_backtest: (name) =>
    `This content of policy "${name}" has no backtest report: run keymeter policies backtest FILE, look at it, then apply FILE again.`,
  needs_shadow: (name) =>
    `This content of policy "${name}" was never in shadow: apply it with mode shadow first, look at what it decides, then switch it on.`,
};

/** Where the gate is shut, a version goes to shadow only with a backtest report, and to staged or on only from shadow. */
@Injectable()
export class PolicyGate {
  constructor(
    @Optional() private readonly settings: GateSettings = new GateSettings(false),
    @Optional() private readonly desk?: BacktestDesk,
  ) {}

  /** Throws a 409 that names the one command to run. */
  demand(next: Policy, current: Policy | undefined): void {
    if (!this.settings.isShut) return;
    const fault = gateFault(next, current, (contentId) => this.desk?.hasReport(contentId) ?? false);
    if (fault) throw new HttpProblem(409, CODES[fault], SENTENCES[fault](next.name));
  }
}
