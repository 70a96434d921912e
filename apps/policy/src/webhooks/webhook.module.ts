import { Module } from '@nestjs/common';
import { RootKeys } from '#runtime/http/root-keys.js';
import { WebhookBackfill } from './webhook-backfill.js';
import { WebhookDesk } from './webhook-desk.js';
import { WebhookDispatcher } from './webhook-dispatcher.js';
import { WebhookHousekeeping } from './webhook-housekeeping.js';
import { WebhookIntake } from './webhook-intake.js';
import { WebhookMetrics } from './webhook-metrics.js';
import { WebhooksController } from './webhooks.controller.js';

/** Decisions to the endpoints of others. The ports and WebhookRules come from the process's own module. */
@Module({
  controllers: [WebhooksController],
  providers: [
    RootKeys,
    WebhookMetrics,
    WebhookIntake,
    WebhookDispatcher,
    WebhookBackfill,
    WebhookHousekeeping,
    WebhookDesk,
  ],
  exports: [WebhookIntake, WebhookDispatcher, WebhookBackfill, WebhookHousekeeping],
})
export class WebhookModule {}
