import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RootKeys } from '#runtime/http/root-keys.js';
import { EventIngest } from './event-ingest.js';
import { registerIngestRoute } from './ingest-route.js';

/** Largest body of an ingest request, bytes. */
export class IngestBodyLimit {
  constructor(readonly bytes: number) {}
}

/** Puts the ingest route on Fastify. */
@Injectable()
export class EventRoutes implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly rootKeys: RootKeys,
    private readonly ingest: EventIngest,
    private readonly limit: IngestBodyLimit,
  ) {}

  onModuleInit(): void {
    registerIngestRoute(this.host.httpAdapter.getInstance(), this.ingest, this.rootKeys, this.limit.bytes);
  }
}
