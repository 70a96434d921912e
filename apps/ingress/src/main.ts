/**
 * Keys, verification and ingest alone. On embedded stores events go to the log of the data folder, and a consumer or
 * standalone that is started on the folder afterwards counts them; in a cluster they go to Kafka, behind a spool.
 */
import 'reflect-metadata';
import { ClusterProcess } from '#adapters/cluster/cluster-process.js';
import { StoredRowFates } from '#adapters/cluster/stored-row-fates.js';
import { EmbeddedProcess } from '#adapters/embedded/embedded-process.js';
import { hearQuotas } from '#adapters/redis/redis-quotas.js';
import { QuotaBoard } from '#domain/policies/quota-board.js';
import { EventFates } from '#ports/event-fates.js';
import { NoRowFates, RowFates } from '#ports/row-fates.js';
import { ingestOptions } from '#runtime/config/embedded-options.js';
import { appModule } from '#runtime/http/app-module.js';
import { closeHttpApp } from '#runtime/http/close-http-app.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { listen } from '#runtime/http/listen.js';
import { frameworkLog } from '#runtime/process-log.js';
import { runProcess } from '#runtime/process-main.js';
import { EventIngest } from './events/event-ingest.js';
import { EventRoutes, IngestBodyLimit } from './events/event-routes.js';
import { IngestDecoder } from './events/ingest-decoder.js';
import { InlineIngestDecoder } from './events/inline-ingest-decoder.js';
import { UndecidedFates } from './events/undecided-fates.js';
import { IngressModule } from './ingress.module.js';

await runProcess(async (settings) => {
  const inCluster = settings.KEYMETER_STORES === 'cluster';
  const own = await (inCluster
    ? ClusterProcess.open(settings, { directory: true, spool: true })
    : EmbeddedProcess.open(settings));
  const rowFates =
    own instanceof ClusterProcess ? await StoredRowFates.open(settings, own.log, own.clock) : new NoRowFates();
  const quotas = new QuotaBoard();
  const heard =
    own instanceof ClusterProcess ? await hearQuotas(own.directory.connection, own.log.topic.id, quotas) : undefined;
  const ports = [
    ...own.ports(),
    [QuotaBoard, quotas],
    [EventFates, new UndecidedFates()],
    [RowFates, rowFates],
    [IngestDecoder, new InlineIngestDecoder(ingestOptions(settings), own.clock)],
    [IngestBodyLimit, new IngestBodyLimit(settings.KEYMETER_INGEST_MAX_BYTES)],
  ] as const;
  const module = appModule(ports, [IngressModule], [EventIngest, EventRoutes]);
  const app = await createHttpApp(module, { logger: frameworkLog() });
  const url = await listen(app, settings);
  return own.running('ingress', url, async () => {
    await closeHttpApp(app, settings.KEYMETER_SHUTDOWN_MS / 2);
    await heard?.close();
    await rowFates.close();
  });
});
