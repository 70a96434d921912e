/** The one place where failures of Kafka and its client become KeymeterErrors. */
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
  if (names(error).includes(LOGIN_FAILED) || type === 'SASL_AUTHENTICATION_FAILED') {
    return say('CONFIG_INVALID', 'Kafka refuses the login: check KEYMETER_KAFKA_USER, _PASSWORD and _MECHANISM.');
  }
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

function isClientError(error: unknown): error is ClientError {
  return error instanceof Error && (error.name.startsWith('KafkaJS') || 'code' in error);
}

function names(error: ClientError): string[] {
  const found: string[] = [];
  for (let at: ClientError | undefined = error; at instanceof Error; at = at.cause as ClientError) found.push(at.name);
  return found;
}
