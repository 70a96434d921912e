/** Which object stands behind each port in the standalone process. */

import { Registry } from 'prom-client';
import { storePorts } from '#adapters/embedded/store-ports.js';
import { Clock } from '#ports/clock.js';
import { EventFates } from '#ports/event-fates.js';
import { EventLookup } from '#ports/event-lookup.js';
import { UsageProgress } from '#ports/usage-progress.js';
import { UsageReader } from '#ports/usage-reader.js';
import { Readiness } from '#runtime/http/readiness.js';
import type { provided } from '#runtime/provided.js';
import { IngestBodyLimit } from '../../ingress/src/events/event-routes.js';
import { IngestDecoder } from '../../ingress/src/events/ingest-decoder.js';
import type { Parts } from './parts.js';
import { RemoteEventLookup, RemoteFates, RemoteUsageReader } from './remote-usage.js';

export function standalonePorts(parts: Parts): Parameters<typeof provided>[0] {
  const { settings, clock, registry, readiness, stores, pipeline, decoder } = parts;
  return [
    [Clock, clock],
    [Registry, registry],
    [Readiness, readiness],
    ...storePorts(stores),
    [UsageProgress, pipeline.progress],
    [UsageReader, new RemoteUsageReader(pipeline)],
    [EventLookup, new RemoteEventLookup(pipeline)],
    [EventFates, new RemoteFates(pipeline)],
    [IngestDecoder, decoder],
    [IngestBodyLimit, new IngestBodyLimit(settings.KEYMETER_INGEST_MAX_BYTES)],
  ];
}
