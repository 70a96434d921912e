/** Meters and usage queries alone: what the consumers have counted. */
import 'reflect-metadata';
import { ClusterProcess } from '#adapters/cluster/cluster-process.js';
import { openClusterUsage } from '#adapters/cluster/cluster-usage.js';
import { CONSUMER_GROUP } from '#adapters/cluster/group-names.js';
import { PolledProgress } from '#adapters/cluster/polled-progress.js';
import { EmbeddedProcess } from '#adapters/embedded/embedded-process.js';
import { RestingProgress } from '#adapters/embedded/resting-progress.js';
import { UsageProgress } from '#ports/usage-progress.js';
import { UsageReader } from '#ports/usage-reader.js';
import type { Settings } from '#runtime/config/settings.js';
import { appModule } from '#runtime/http/app-module.js';
import { closeHttpApp } from '#runtime/http/close-http-app.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { listen } from '#runtime/http/listen.js';
import { frameworkLog } from '#runtime/process-log.js';
import { runProcess } from '#runtime/process-main.js';
import { QueryModule } from './query.module.js';

await runProcess(async (settings) => {
  const { own, usage, progress, close } = await open(settings);
  const ports = [...own.ports(), [UsageReader, usage.reader], [UsageProgress, progress]] as const;
  const app = await createHttpApp(appModule(ports, [QueryModule]), { logger: frameworkLog() });
  const url = await listen(app, settings);
  return own.running('query', url, async () => {
    await closeHttpApp(app, settings.KEYMETER_SHUTDOWN_MS / 2);
    await close();
  });
});

async function open(settings: Settings) {
  if (settings.KEYMETER_STORES === 'cluster') {
    const own = await ClusterProcess.open(settings, { directory: true, spool: false });
    const usage = await openClusterUsage(settings, { prepares: false });
    const shared = await own.log.openShared(CONSUMER_GROUP);
    const close = async () => {
      await shared.close();
      await usage.close();
    };
    return { own, usage, progress: new PolledProgress(shared, own.clock), close };
  }
  const own = await EmbeddedProcess.open(settings);
  const usage = await own.openUsage();
  const progress = new RestingProgress(usage.offsets, own.stores.log, own.clock);
  return { own, usage, progress, close: () => usage.close() };
}
