import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
import { provided } from '../provided.js';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';

@Module({})
class AppModule {}

/** The root module of one app as a process of its own: its modules, the ports, health and metrics. */
export function appModule(
  ports: Parameters<typeof provided>[0],
  modules: readonly Type[],
  providers: Provider[] = [],
): DynamicModule {
  return {
    module: AppModule,
    imports: [provided(ports), ...modules],
    controllers: [HealthController, MetricsController],
    providers,
  };
}
