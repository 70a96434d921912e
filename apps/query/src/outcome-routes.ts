import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RowFates } from '#ports/row-fates.js';
import { RootKeys } from '#runtime/http/root-keys.js';
import { registerRowOutcomeRoute } from '#runtime/http/row-outcome-route.js';

/** What became of ingested events, asked here where a load balancer sends reads of `/api/v1/events*` to. */
@Injectable()
export class OutcomeRoutes implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly rootKeys: RootKeys,
    private readonly fates: RowFates,
  ) {}

  onModuleInit(): void {
    registerRowOutcomeRoute(this.host.httpAdapter.getInstance(), this.fates, this.rootKeys);
  }
}
