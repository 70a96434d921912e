import { type DynamicModule, Module } from '@nestjs/common';
import { HealthController } from '#runtime/http/health.controller.js';
import { MetricsController } from '#runtime/http/metrics.controller.js';
import { RootKeys } from '#runtime/http/root-keys.js';
import { provided } from '#runtime/provided.js';
import { EventIngest } from '../../ingress/src/events/event-ingest.js';

@Module({})
class StandaloneModule {}

export function standaloneModule(pairs: Parameters<typeof provided>[0]): DynamicModule {
  return {
    module: StandaloneModule,
    imports: [provided(pairs)],
    controllers: [HealthController, MetricsController],
    providers: [EventIngest, RootKeys],
  };
}
