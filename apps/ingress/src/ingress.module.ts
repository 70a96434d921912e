import { Module } from '@nestjs/common';
import { RootKeys } from '#runtime/http/root-keys.js';
import { IngressMetrics } from '#runtime/metrics/ingress-metrics.js';
import { KeyRoutes } from './keys/key-routes.js';
import { KeyServices } from './keys/key-services.js';
import { LogRoom } from './log-room.js';
import { EnforcementWatch } from './verify/enforcement-watch.js';
import { KeyVerifier } from './verify/key-verifier.js';
import { VerifyOnce } from './verify/verify-once.js';
import { VerifyService } from './verify/verify-service.js';

/** Keys and verification. The ports come from a global module that names the adapters. */
@Module({
  providers: [
    RootKeys,
    IngressMetrics,
    LogRoom,
    KeyServices,
    EnforcementWatch,
    KeyVerifier,
    VerifyService,
    VerifyOnce,
    KeyRoutes,
  ],
  exports: [RootKeys, IngressMetrics],
})
export class IngressModule {}
