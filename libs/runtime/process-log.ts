import { ConsoleLogger } from '@nestjs/common';

/** One JSON object per line: `message.event` names what happened, the rest are its fields. Never a key or a secret. */
export function processLog(): ConsoleLogger {
  return new ConsoleLogger({ json: true, colors: false, logLevels: ['log', 'warn', 'error', 'fatal'] });
}

/** For Nest itself: what goes wrong, not how it starts. */
export function frameworkLog(): ConsoleLogger {
  return new ConsoleLogger({ json: true, colors: false, logLevels: ['warn', 'error', 'fatal'] });
}
