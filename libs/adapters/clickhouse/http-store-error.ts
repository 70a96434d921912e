/** Errors of ClickHouse over HTTP: one sentence each, and never a password. */
import { tlsTrouble } from '#adapters/connection/tls-trouble.js';
import { ToMend } from '#adapters/connection/to-mend.js';
import { KeymeterError } from '#domain/errors.js';
import { engineCode, errorFields, storeError } from './store-error.js';

/** User unknown, password wrong or missing. Source: ClickHouse src/Common/ErrorCodes.cpp. */
const NOT_LET_IN = new Set([192, 193, 194, 516]);
const ACCESS_DENIED = 497;
const UNKNOWN_DATABASE = 81;

export interface HttpStore {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly username: string;
}

export function httpStoreError(cause: unknown, { origin, username }: HttpStore): KeymeterError {
  if (cause instanceof KeymeterError) return cause;
  const code = engineCode(cause);
  if (code === undefined) return unreachable(cause, origin);
  if (NOT_LET_IN.has(code)) {
    return misconfigured(
      `ClickHouse at ${origin} does not let user "${username}" in: set KEYMETER_CLICKHOUSE_USER and KEYMETER_CLICKHOUSE_PASSWORD to a user that exists there.`,
      cause,
    );
  }
  if (code === ACCESS_DENIED) {
    return misconfigured(
      `User "${username}" of ClickHouse at ${origin} lacks a right: GRANT ALL ON keymeter.* and SELECT ON system.* to it.`,
      cause,
    );
  }
  if (code === UNKNOWN_DATABASE) {
    return misconfigured(
      `ClickHouse at ${origin} has no database "keymeter" any more: restart keymeter, which makes it, or restore a copy.`,
      cause,
    );
  }
  return storeError(cause);
}

/** Whatever is no answer of ClickHouse may pass: a refused, cut or silent connection, a proxy that speaks for it. */
function unreachable(cause: unknown, origin: string): KeymeterError {
  const trouble = tlsTrouble(cause, 'KEYMETER_CLICKHOUSE_TLS');
  if (trouble) {
    const sentence = `ClickHouse at ${origin} cannot be reached over TLS: ${trouble}.`;
    return new KeymeterError('STORE_UNAVAILABLE', sentence, { retryable: true, cause: new ToMend(trouble) });
  }
  return new KeymeterError(
    'STORE_UNAVAILABLE',
    `ClickHouse at ${origin} gave no answer of its own (${reasonOf(cause)}): is it running, and does KEYMETER_CLICKHOUSE_URL name its HTTP port?`,
    { retryable: true, cause },
  );
}

function reasonOf(cause: unknown): string {
  const { message, code } = errorFields(cause);
  if (code) return code;
  return /timeout/i.test(message) ? 'timeout' : 'unknown';
}

function misconfigured(sentence: string, cause: unknown): KeymeterError {
  return new KeymeterError('CONFIG_INVALID', sentence, { cause });
}
