/** The one place where failures of Kafka and its client become KeymeterErrors. */
import { tlsTrouble } from '#adapters/connection/tls-trouble.js';
import { ToMend } from '#adapters/connection/to-mend.js';
import { type ErrorCode, KeymeterError } from '#domain/errors.js';

interface ClientError extends Error {
  /** Kafka's own name of the error, as in its protocol. */
  readonly type?: string;
  readonly cause?: unknown;
}

/** A stale member must stop, not repeat: its partitions are somebody else's. */
const FENCED = ['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID'];
const FORBIDDEN = ['TOPIC_AUTHORIZATION_FAILED', 'GROUP_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED'];
const LOGIN_FAILED = 'KafkaJSSASLAuthenticationError';
const LOGIN_REFUSED = ['SASL_AUTHENTICATION_FAILED', 'UNSUPPORTED_SASL_MECHANISM', 'ILLEGAL_SASL_STATE'];
const CLOSED = /Closed connection|disconnected before secure TLS|ECONNRESET/;

/** Kafka's own name of a failure, or undefined where it is none of the protocol's. */
export function protocolErrorOf(error: unknown): string | undefined {
  for (let at = error as ClientError | undefined; at instanceof Error; at = at.cause as ClientError) {
    if (typeof at.type === 'string') return at.type;
  }
  return undefined;
}

/** `doing` completes "Kafka …: ". Errors that are not the client's are returned as they are: faults of ours. */
export function kafkaError(error: unknown, doing: string): unknown {
  if (error instanceof KeymeterError || !isClientError(error)) return error;
  const type = protocolErrorOf(error);
  const say = (code: ErrorCode, detail: string, retryable = false) =>
    new KeymeterError(code, detail, { retryable, cause: error });
  const mend = toMend(error, type);
  if (mend) return new KeymeterError('LOG_UNAVAILABLE', `${mend}.`, { retryable: true, cause: new ToMend(mend) });
  if (type && FORBIDDEN.includes(type)) {
    return say(
      'CONFIG_INVALID',
      `Kafka does not allow ${doing} (${type}): give this user the rights, see docs/guides.`,
    );
  }
  if (type && FENCED.includes(type)) {
    return say('FENCED', `Kafka does not count this process as the owner any more (${type}), ${doing}.`);
  }
  if (type === 'OFFSET_OUT_OF_RANGE') {
    return say('OFFSET_OUT_OF_RANGE', `Kafka does not have the offset that was asked for, ${doing}.`);
  }
  return say('LOG_UNAVAILABLE', `Kafka cannot be used at the moment, ${doing}: ${type ?? error.message}`, true);
}

/** A broker closes without a word where it is spoken to in another way than that port's: at a start, say which may be wrong. */
export function startError(error: unknown, doing: string, usesTls: boolean): unknown {
  const explained = kafkaError(error, doing);
  if (!(explained instanceof KeymeterError && CLOSED.test(explained.message))) return explained;
  const hint = usesTls
    ? 'is it the port that speaks TLS? Else set KEYMETER_KAFKA_TLS=off'
    : 'if that port speaks TLS, set KEYMETER_KAFKA_TLS=on; if it demands a login, set KEYMETER_KAFKA_MECHANISM';
  const { code, message, retryable } = explained;
  return new KeymeterError(code, `${message}: ${hint}.`, { retryable, cause: error });
}

/** What the client says of a login may quote the password's exchange: it goes no further. */
function toMend(error: ClientError, type: string | undefined): string | undefined {
  if (names(error).includes(LOGIN_FAILED) || (type && LOGIN_REFUSED.includes(type))) {
    return 'Kafka refuses the login: check KEYMETER_KAFKA_MECHANISM, KEYMETER_KAFKA_USER and KEYMETER_KAFKA_PASSWORD';
  }
  const trouble = tlsTrouble(error, 'KEYMETER_KAFKA_TLS');
  return trouble && `Kafka cannot be reached over TLS: ${trouble}`;
}

function isClientError(error: unknown): error is ClientError {
  return error instanceof Error && (error.name.startsWith('KafkaJS') || 'code' in error);
}

function names(error: ClientError): string[] {
  const found: string[] = [];
  for (let at: ClientError | undefined = error; at instanceof Error; at = at.cause as ClientError) found.push(at.name);
  return found;
}
