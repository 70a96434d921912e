import type { Registry } from 'prom-client';
import type { EmbeddedStores } from '#adapters/embedded/embedded-stores.js';
import type { Clock } from '#ports/clock.js';
import type { Settings } from '#runtime/config/settings.js';
import type { Readiness } from '#runtime/http/readiness.js';
import type { PipelineClient } from './pipeline-client.js';
import type { ThreadedIngestDecoder } from './threaded-ingest-decoder.js';

/** Everything of the process that is not Nest's. */
export interface Parts {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly readiness: Readiness;
  readonly stores: EmbeddedStores;
  readonly pipeline: PipelineClient;
  readonly decoder: ThreadedIngestDecoder;
}
