import { SystemClock } from '#adapters/clock/system-clock.js';
import { runCli } from './cli.js';
import { interruptSignal } from './interrupt.js';

const interrupt = interruptSignal(process);

// A reader that closes early (`keymeter top | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

process.exitCode = await runCli(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  fetch,
  clock: new SystemClock(),
  interrupt,
  sleep: (ms) =>
    new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        interrupt.removeEventListener('abort', end); // a wait of many leaves nothing behind
        resolve();
      };
      const timer = setTimeout(end, ms);
      interrupt.addEventListener('abort', end);
    }),
  random: Math.random,
});
