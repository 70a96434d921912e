/** The one place where what Redis or the network answers becomes an error of ours. */
import { tlsTrouble } from '#adapters/connection/tls-trouble.js';
import { ToMend } from '#adapters/connection/to-mend.js';
import { KeymeterError } from '#domain/errors.js';

/** Redis is well but cannot do it now, or not here; nothing was done. First words of its replies. */
const UNAVAILABLE: Readonly<Record<string, string>> = {
  OOM: 'Redis is out of memory: raise its maxmemory.',
  READONLY: 'This Redis is a replica: writes go to its master.',
  LOADING: 'Redis is loading its data.',
  BUSY: 'Redis is busy with a script.',
  MISCONF: 'Redis cannot save its data and so refuses writes: see its log.',
  MASTERDOWN: 'This Redis is a replica without its master.',
  NOREPLICAS: 'Redis has fewer good replicas than it demands for a write.',
  CLUSTERDOWN: 'The Redis cluster is down.',
  TRYAGAIN: 'A slot of the Redis cluster is on the move.',
  NOMASTERLINK: 'The replica has lost its master.',
  UNBLOCKED: 'The Redis that was asked has become a replica.',
};

const REFUSED: Readonly<Record<string, string>> = {
  NOAUTH: 'Redis demands a password: set KEYMETER_REDIS_PASSWORD.',
  WRONGPASS: 'Redis refuses the login: check KEYMETER_REDIS_USER and KEYMETER_REDIS_PASSWORD.',
  NOPERM: 'The Redis user lacks a permission that keymeter needs.',
  NOPROTO: 'This Redis is too old: version 7 or later is needed.',
  WRONGTYPE: 'A Redis key of this name holds something else: give keymeter a database of its own.',
  CROSSSLOT: 'Keys of several slots in one command: the connection must be of mode cluster.',
};

/** Refused before it was sent, by ioredis. */
const NOT_SENT = [/^Stream isn't writeable/, /^Cluster isn't ready/, /^Cluster is ended/, /^None of startup nodes/];

/** The store could not be asked, or gave no answer. */
export class StoreUnavailable extends KeymeterError {
  /** `inDoubt`: the command may have been done, or may still be done: its answer is lost. */
  constructor(
    message: string,
    readonly inDoubt: boolean,
    cause?: Error,
  ) {
    super('STORE_UNAVAILABLE', message, { retryable: true, cause });
  }
}

/** Errors of ours pass unchanged. Arguments of commands are left behind: they may hold what no log may show. */
export function storeError(error: unknown): KeymeterError {
  if (error instanceof KeymeterError) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && error.name === 'ReplyError') return explained(text);
  const trouble = tlsTrouble(error, 'KEYMETER_REDIS_TLS');
  if (trouble) return new StoreUnavailable('Redis cannot be reached over TLS.', false, new ToMend(trouble));
  const inDoubt = !NOT_SENT.some((pattern) => pattern.test(text));
  const reason = inDoubt ? 'Redis did not answer.' : 'Redis cannot be reached.';
  return new StoreUnavailable(reason, inDoubt, new Error(networkReason(error, text)));
}

/** As the client makes it of an error reply: of one that stands inside another reply. */
export function replyError(text: string): Error {
  return Object.assign(new Error(text), { name: 'ReplyError' });
}

/** The first word of an error reply, such as NOSCRIPT. */
export function replyClass(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined;
  return /^[A-Z]+/.exec(error.message)?.[0];
}

function explained(text: string): KeymeterError {
  const word = /^[A-Z]+/.exec(text)?.[0] ?? 'ERR';
  const known = UNAVAILABLE[word];
  if (known !== undefined) return new StoreUnavailable(known, false, new Error(word));
  return new KeymeterError('STORE_REFUSED', REFUSED[word] ?? `Redis refused a command (${word}).`, {
    cause: new Error(scriptReason(text, word)),
  });
}

/** A script that fails tells its line, which is ours and holds no argument. */
function scriptReason(text: string, word: string): string {
  const line = /user_script:\d+/.exec(text)?.[0];
  return line ? `${word} ${line}` : word;
}

function networkReason(error: unknown, text: string): string {
  const { code, syscall } = (error ?? {}) as { code?: string; syscall?: string };
  if (code) return syscall ? `${syscall} ${code}` : code;
  if (text.startsWith('Reached the max retries')) return 'the connection closed';
  return text.slice(0, 120);
}
