import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RowFates } from '#ports/row-fates.js';
import { RootKeys } from '#runtime/http/root-keys.js';
import { registerRowOutcomeRoute } from '#runtime/http/row-outcome-route.js';
import { EventIngest } from './event-ingest.js';
import { registerIngestRoute } from './ingest-route.js';
import { registerOutcomeRoute } from './outcome-route.js';

/** Largest body of an ingest request, bytes. */
export class IngestBodyLimit {
  constructor(readonly bytes: number) {}
}

/** Puts ingest and its outcomes on Fastify. */
@Injectable()
export class EventRoutes implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly rootKeys: RootKeys,
    private readonly ingest: EventIngest,
    private readonly limit: IngestBodyLimit,
    private readonly rowFates: RowFates,
  ) {}

  onModuleInit(): void {
    const fastify = this.host.httpAdapter.getInstance();
    registerIngestRoute(fastify, this.ingest, this.rootKeys, this.limit.bytes);
    registerOutcomeRoute(fastify, this.ingest, this.rootKeys);
    registerRowOutcomeRoute(fastify, this.rowFates, this.rootKeys);
  }
}
