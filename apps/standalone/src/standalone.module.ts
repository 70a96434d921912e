import { type DynamicModule, Module } from '@nestjs/common';
import { HealthController } from '#runtime/http/health.controller.js';
import { MetricsController } from '#runtime/http/metrics.controller.js';
import { provided } from '#runtime/provided.js';
import { EventIngest } from '../../ingress/src/events/event-ingest.js';
import { EventRoutes } from '../../ingress/src/events/event-routes.js';
import { IngressModule } from '../../ingress/src/ingress.module.js';
import { AuditModule } from '../../policy/src/audit/audit.module.js';
import { PolicyModule } from '../../policy/src/policy.module.js';
import { WebhookModule } from '../../policy/src/webhooks/webhook.module.js';
import { QueryModule } from '../../query/src/query.module.js';

@Module({})
class StandaloneModule {}

export function standaloneModule(pairs: Parameters<typeof provided>[0]): DynamicModule {
  return {
    module: StandaloneModule,
    imports: [provided(pairs), IngressModule, PolicyModule, AuditModule, WebhookModule, QueryModule],
    controllers: [HealthController, MetricsController],
    providers: [EventIngest, EventRoutes],
  };
}
