import { KeymeterError } from '#domain/errors.js';
import { CliError, EXIT } from '../exit-code.js';

/** What stores and servers refuse, as the end of a command; faults of ours are handed on. */
export function storeFailure(error: unknown): unknown {
  if (!(error instanceof KeymeterError)) return error;
  return new CliError(exitCodeOf(error), error.message.replace(/\.$/, ''));
}

/** A server that did not answer during the whole start is unreachable; settings that contradict it are wrong usage. */
function exitCodeOf({ code, retryable, cause }: KeymeterError) {
  if (retryable) return EXIT.unreachable;
  if (code !== 'CONFIG_INVALID') return EXIT.failed;
  return cause instanceof KeymeterError && cause.retryable ? EXIT.unreachable : EXIT.usage;
}
