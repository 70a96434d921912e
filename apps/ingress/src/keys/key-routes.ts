import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { RootKeys } from '#runtime/http/root-keys.js';
import { registerAuthorizeRoute } from '../authorize/authorize-route.js';
import { VerifyOnce } from '../verify/verify-once.js';
import { registerVerifyRoute, type Verifying } from '../verify/verify-route.js';
import { VerifyService } from '../verify/verify-service.js';
import { KeyServices } from './key-services.js';
import { registerOperations } from './operation.js';
import { OPERATIONS } from './operations.js';

/** Puts the key protocol's routes on Fastify. */
@Injectable()
export class KeyRoutes implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly rootKeys: RootKeys,
    private readonly services: KeyServices,
    private readonly verifyService: VerifyService,
    private readonly verifyOnce: VerifyOnce,
  ) {}

  onModuleInit(): void {
    const fastify: FastifyInstance = this.host.httpAdapter.getInstance();
    registerOperations(fastify, OPERATIONS, this.rootKeys, this.services);
    const verifying: Verifying = {
      verify: (call, idempotencyKey, answered) => {
        if (idempotencyKey === undefined) this.verifyService.verify(call, undefined, answered);
        else this.verifyOnce.verify(call, idempotencyKey, answered);
      },
    };
    registerVerifyRoute(fastify, this.rootKeys, verifying);
    registerAuthorizeRoute(fastify, this.rootKeys, verifying);
    fastify.get('/v2/liveness', async (request) => {
      return { meta: { requestId: request.id }, data: { message: 'keymeter is up' } };
    });
  }
}
