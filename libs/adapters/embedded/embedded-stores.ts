/** Opens every store of the main thread in the data folder, in an order in which each finds what it needs. */
import type { RootDatabase } from 'lmdb';
import { EmbeddedCounters } from '#adapters/lmdb/embedded-counters.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbEnforcementStore } from '#adapters/lmdb/lmdb-enforcement-store.js';
import { LmdbKeyStore } from '#adapters/lmdb/lmdb-key-store.js';
import { LmdbMeterStore } from '#adapters/lmdb/lmdb-meter-store.js';
import { LmdbPolicyStore } from '#adapters/lmdb/lmdb-policy-store.js';
import { LmdbWebhookDeliveryStore } from '#adapters/lmdb/lmdb-webhook-delivery-store.js';
import { LmdbWebhookEndpointStore } from '#adapters/lmdb/lmdb-webhook-endpoint-store.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import { KeymeterError } from '#domain/errors.js';
import type { Clock } from '#ports/clock.js';
import { UsageRecorder } from '#stream/usage-recorder.js';
import type { DataFolder } from './data-folder.js';

/** Of the event log, in bytes; see SegmentLogOptions. */
export interface EmbeddedOptions {
  readonly segmentBytes: number;
  readonly maxBytes: number;
  readonly reserveBytes: number;
}

export interface EmbeddedStores {
  readonly log: SegmentLogWriter;
  readonly recorder: UsageRecorder;
  readonly environment: RootDatabase;
  readonly keys: LmdbKeyStore;
  readonly counters: EmbeddedCounters;
  readonly enforcements: LmdbEnforcementStore;
  readonly policies: LmdbPolicyStore;
  readonly meters: LmdbMeterStore;
  readonly webhooks: LmdbWebhookEndpointStore;
  readonly webhookDeliveries: LmdbWebhookDeliveryStore;
  close(): Promise<void>;
}

export async function openEmbeddedStores(
  folder: DataFolder,
  options: EmbeddedOptions,
  clock: Clock,
): Promise<EmbeddedStores> {
  const log = await SegmentLogWriter.open({
    folder: folder.join('log'),
    partitions: 1, // partitions spread work over machines; one machine has one
    // Only whole segments can be dropped: one as large as the log itself would hold it full for ever.
    segmentBytes: Math.min(options.segmentBytes, options.maxBytes / 4),
    maxBytes: options.maxBytes,
    reserveBytes: options.reserveBytes,
  });
  const recorder = new UsageRecorder(log, clock);
  const environment = await openEnvironment(folder.join('keys'));
  const webhookQueue = await openEnvironment(folder.join('webhooks'));
  const keys = new LmdbKeyStore(environment);
  const counters = new EmbeddedCounters(environment, clock, () => recorder.seal());
  const reader = new SegmentLogReader(folder.join('log'), log.watermarks.shared);
  await counters.restore(reader);
  await reader.close();
  return {
    log,
    recorder,
    environment,
    keys,
    counters,
    enforcements: new LmdbEnforcementStore(environment, clock),
    policies: new LmdbPolicyStore(environment),
    meters: new LmdbMeterStore(environment),
    webhooks: new LmdbWebhookEndpointStore(environment),
    webhookDeliveries: new LmdbWebhookDeliveryStore(webhookQueue),
    close: async () => {
      await counters.checkpoint().catch(toleratePassing);
      await log.close();
      await webhookQueue.close();
      await environment.close();
    },
  };
}

/** A checkpoint that a full disk refuses is no loss: the next start folds the log from the last one on. */
function toleratePassing(error: unknown): void {
  if (!(error instanceof KeymeterError && error.retryable)) throw error;
}
