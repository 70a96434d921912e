/** Meters and usage queries alone, on embedded stores: what the last consumer has counted in the data folder. */
import 'reflect-metadata';
import { EmbeddedProcess } from '#adapters/embedded/embedded-process.js';
import { RestingProgress } from '#adapters/embedded/resting-progress.js';
import { UsageProgress } from '#ports/usage-progress.js';
import { UsageReader } from '#ports/usage-reader.js';
import { appModule } from '#runtime/http/app-module.js';
import { closeHttpApp } from '#runtime/http/close-http-app.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { listen } from '#runtime/http/listen.js';
import { frameworkLog } from '#runtime/process-log.js';
import { runProcess } from '#runtime/process-main.js';
import { QueryModule } from './query.module.js';

await runProcess(async (settings) => {
  const embedded = await EmbeddedProcess.open(settings);
  const usage = await embedded.openUsage();
  const ports = [
    ...embedded.ports(),
    [UsageReader, usage.reader],
    [UsageProgress, new RestingProgress(usage.offsets, embedded.stores.log, embedded.clock)],
  ] as const;
  const app = await createHttpApp(appModule(ports, [QueryModule]), { logger: frameworkLog() });
  const url = await listen(app, settings);
  return embedded.running('query', url, async () => {
    await closeHttpApp(app, settings.KEYMETER_SHUTDOWN_MS / 2);
    await usage.close();
  });
});
