import { Module } from '@nestjs/common';
import { RootKeys } from '#runtime/http/root-keys.js';
import { AuditLog } from './audit/audit-log.js';
import { BacktestDesk } from './backtest/backtest-desk.js';
import { BacktestsController } from './backtest/backtests.controller.js';
import { PolicyGate } from './backtest/policy-gate.js';
import { BulkLift } from './enforcement/bulk-lift.js';
import { EnforcementDesk } from './enforcement/enforcement-desk.js';
import { EnforcementPauseController } from './enforcement/enforcement-pause.controller.js';
import { EnforcementPause } from './enforcement/enforcement-pause.js';
import { EnforcementRecorder } from './enforcement/enforcement-recorder.js';
import { EnforcementsController } from './enforcement/enforcements.controller.js';
import { ExplanationDesk } from './enforcement/explanation-desk.js';
import { HolderController } from './enforcement/holder.controller.js';
import { PolicyMetrics } from './enforcement/policy-metrics.js';
import { PoliciesController } from './policies/policies.controller.js';
import { PolicyApprovals } from './policies/policy-approvals.js';
import { PolicyCheck } from './policies/policy-check.js';
import { PolicyEditor } from './policies/policy-editor.js';
import { PolicyExceptionsController } from './policies/policy-exceptions.controller.js';
import { PolicyProposalsController } from './policies/policy-proposals.controller.js';
import { PolicyVersionsController } from './policies/policy-versions.controller.js';

/** Policies and enforcements over HTTP, and the recorder of decisions. The ports come from a global module. */
@Module({
  controllers: [
    BacktestsController,
    PoliciesController,
    PolicyVersionsController,
    PolicyExceptionsController,
    PolicyProposalsController,
    EnforcementsController,
    EnforcementPauseController,
    HolderController,
  ],
  providers: [
    RootKeys,
    AuditLog,
    PolicyMetrics,
    PolicyCheck,
    PolicyEditor,
    EnforcementDesk,
    ExplanationDesk,
    BulkLift,
    EnforcementRecorder,
    EnforcementPause,
    BacktestDesk,
    PolicyGate,
    PolicyApprovals,
  ],
  exports: [PolicyEditor, EnforcementPause, EnforcementRecorder],
})
export class PolicyModule {}
