import { Module } from '@nestjs/common';
import { RootKeys } from '#runtime/http/root-keys.js';
import { AuditLog } from './audit-log.js';
import { BacktestDesk } from './backtest/backtest-desk.js';
import { BacktestsController } from './backtest/backtests.controller.js';
import { PolicyGate } from './backtest/policy-gate.js';
import { BulkLift } from './bulk-lift.js';
import { EnforcementDesk } from './enforcement-desk.js';
import { EnforcementPauseController } from './enforcement-pause.controller.js';
import { EnforcementPause } from './enforcement-pause.js';
import { EnforcementRecorder } from './enforcement-recorder.js';
import { EnforcementsController } from './enforcements.controller.js';
import { ExplanationDesk } from './explanation-desk.js';
import { HolderController } from './holder.controller.js';
import { PoliciesController } from './policies.controller.js';
import { PolicyApprovals } from './policy-approvals.js';
import { PolicyCheck } from './policy-check.js';
import { PolicyEditor } from './policy-editor.js';
import { PolicyExceptionsController } from './policy-exceptions.controller.js';
import { PolicyMetrics } from './policy-metrics.js';
import { PolicyProposalsController } from './policy-proposals.controller.js';
import { PolicyVersionsController } from './policy-versions.controller.js';

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
