/** Which object stands behind each port in the standalone process. */

import { Registry } from 'prom-client';
import { OnePartition } from '#adapters/embedded/one-partition.js';
import { storePorts } from '#adapters/embedded/store-ports.js';
import { HttpWebhookTransport } from '#adapters/http/http-webhook-transport.js';
import { QuotaBoard } from '#domain/policies/quota-board.js';
import { Clock } from '#ports/clock.js';
import { DeadLetterBook } from '#ports/dead-letter-book.js';
import { EventFates } from '#ports/event-fates.js';
import { EventLookup } from '#ports/event-lookup.js';
import { LogPartitions } from '#ports/log-partitions.js';
import { NoRowFates, RowFates } from '#ports/row-fates.js';
import { UsageProgress } from '#ports/usage-progress.js';
import { UsageReader } from '#ports/usage-reader.js';
import { ingestOptions } from '#runtime/config/embedded-options.js';
import { Readiness } from '#runtime/http/readiness.js';
import type { provided } from '#runtime/provided.js';
import { AuditVerification } from '#stream/audit-verification.js';
import { FullReconciliation } from '#stream/reconciliation.js';
import { RecorderAppender, RowAppender } from '#stream/row-appender.js';
import { IngestBodyLimit } from '../../ingress/src/events/event-routes.js';
import { IngestDecoder } from '../../ingress/src/events/ingest-decoder.js';
import { BacktestRunner } from '../../policy/src/backtest/backtest-runner.js';
import { ThreadedBacktests } from '../../policy/src/backtest/threaded-backtests.js';
import { settingsPorts } from '../../policy/src/settings-ports.js';
import { ReplayLimits } from '../../query/src/dead-letters/dead-letter-desk.js';
import type { Parts } from './parts.js';
import {
  RemoteAuditVerification,
  RemoteDeadLetterBook,
  RemoteEventLookup,
  RemoteFates,
  RemoteReconciliation,
  RemoteUsageReader,
} from './remote-usage.js';

export function standalonePorts(parts: Parts): Parameters<typeof provided>[0] {
  const { settings, clock, registry, readiness, stores, pipeline, decoder } = parts;
  const { maxEvents, maxEventBytes, maxFutureMs } = ingestOptions(settings);
  return [
    [Clock, clock],
    [Registry, registry],
    [Readiness, readiness],
    ...storePorts(stores),
    [UsageProgress, pipeline.progress],
    [QuotaBoard, pipeline.quotas],
    [UsageReader, new RemoteUsageReader(pipeline)],
    [EventLookup, new RemoteEventLookup(pipeline)],
    [DeadLetterBook, new RemoteDeadLetterBook(pipeline)],
    [LogPartitions, new OnePartition()],
    [AuditVerification, new RemoteAuditVerification(pipeline)],
    [FullReconciliation, new RemoteReconciliation(pipeline)],
    [RowAppender, new RecorderAppender(stores.recorder)],
    [ReplayLimits, new ReplayLimits(maxEvents, maxEventBytes, maxFutureMs)],
    [EventFates, new RemoteFates(pipeline)],
    [RowFates, new NoRowFates()],
    [BacktestRunner, new ThreadedBacktests((port) => pipeline.serveHistory(port))],
    ...settingsPorts(settings, (webhookRules) => new HttpWebhookTransport(clock, webhookRules)),
    [IngestDecoder, decoder],
    [IngestBodyLimit, new IngestBodyLimit(settings.KEYMETER_INGEST_MAX_BYTES)],
  ];
}
