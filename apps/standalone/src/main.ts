import 'reflect-metadata';
import { KeymeterError } from '#domain/errors.js';
import { readSettings } from '#runtime/config/read-settings.js';
import { Standalone } from './standalone.js';
import { startMessage } from './start-message.js';

const EXIT_CANNOT_START = 2;

async function main(): Promise<void> {
  const settings = readSettings(process.env);
  const standalone = await Standalone.start(settings);
  process.stdout.write(startMessage(standalone));
  let stopping = false;
  const stop = () => {
    if (stopping) return; // a second signal changes nothing: the first one is being obeyed
    stopping = true;
    setTimeout(() => process.exit(1), settings.KEYMETER_SHUTDOWN_MS).unref();
    standalone.stop().then(
      () => process.exit(0),
      (error) => crash(error),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** Expected reasons are sentences; anything else is a fault of ours and shows where. */
function crash(error: unknown): never {
  if (error instanceof KeymeterError && !error.retryable) process.stderr.write(`${error.message}\n`);
  else process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(error instanceof KeymeterError ? EXIT_CANNOT_START : 1);
}

await main().catch(crash);
