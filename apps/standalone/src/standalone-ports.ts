/** Which object stands behind each port in the standalone process. */
import { Registry } from 'prom-client';
import { Clock } from '#ports/clock.js';
import { Counters } from '#ports/counters.js';
import { EnforcementOutbox } from '#ports/enforcement-outbox.js';
import { EnforcementStore } from '#ports/enforcement-store.js';
import { EventFates } from '#ports/event-fates.js';
import { EventLogWriter } from '#ports/event-log.js';
import { EventLookup } from '#ports/event-lookup.js';
import { KeyStore } from '#ports/key-store.js';
import { MeterStore } from '#ports/meter-store.js';
import { PolicyStore } from '#ports/policy-store.js';
import { UsageProgress } from '#ports/usage-progress.js';
import { UsageReader } from '#ports/usage-reader.js';
import { Readiness } from '#runtime/http/readiness.js';
import { NodeIdentity } from '#runtime/node-identity.js';
import type { provided } from '#runtime/provided.js';
import { UsageRecorder } from '#stream/usage-recorder.js';
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
    [NodeIdentity, new NodeIdentity(stores.log.identity.logId)],
    [KeyStore, stores.keys],
    [Counters, stores.counters],
    [EventLogWriter, stores.log],
    [UsageRecorder, stores.recorder],
    [EnforcementStore, stores.enforcements],
    [EnforcementOutbox, stores.enforcements],
    [PolicyStore, stores.policies],
    [MeterStore, stores.meters],
    [UsageProgress, pipeline.progress],
    [UsageReader, new RemoteUsageReader(pipeline)],
    [EventLookup, new RemoteEventLookup(pipeline)],
    [EventFates, new RemoteFates(pipeline)],
    [IngestDecoder, decoder],
    [IngestBodyLimit, new IngestBodyLimit(settings.KEYMETER_INGEST_MAX_BYTES)],
  ];
}
