/**
 * Connections to Redis that never do a command twice and never leave one unanswered: what was in flight when a
 * connection closed is rejected at once (ioredis would repeat it, or, told not to, forget it: redis/ioredis 2193), and
 * what is asked while there is none is refused instead of queued.
 */
import type { ConnectionOptions } from 'node:tls';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { KeymeterError } from '#domain/errors.js';
import { StoreUnavailable, storeError } from './redis-connection-error.js';
import { parseInfo, refuseUnfit, type ServerInfo } from './redis-connection-info.js';

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

export interface RedisConnectionOptions {
  readonly mode: 'standalone' | 'sentinel' | 'cluster';
  /** The server; the sentinels; or some nodes of the cluster. */
  readonly nodes: readonly RedisNode[];
  /** Of mode sentinel: what they call the master. */
  readonly masterName?: string;
  readonly username?: string;
  readonly password?: string;
  readonly sentinelPassword?: string;
  /** Not of mode cluster. */
  readonly database?: number;
  /** True: TLS with the system's authorities. */
  readonly tls?: boolean | ConnectionOptions;
  readonly connectTimeoutMs?: number;
  /** A command without an answer for so long is rejected; it must be longer than any BLOCK of the connection. */
  readonly commandTimeoutMs?: number;
  /** Shown by CLIENT LIST. */
  readonly name?: string;
}

export type RedisClient = Redis | Cluster;

const CONNECT_MS = 2_000;
const OPEN_FACTOR = 2; // first the sentinels, or a cluster's map of slots
const COMMAND_MS = 1_000;
const DISCONNECT_MS = 200; // a server that hangs does not answer our farewell
const RETRY_BASE_MS = 50;
const RETRY_MAX_MS = 1_000;

export class RedisConnection {
  /** The latest trouble of the connection, for health and logs; undefined while it is well. */
  trouble: KeymeterError | undefined;

  #revival: NodeJS.Timeout | undefined;
  #closed = true;

  private constructor(
    readonly client: RedisClient,
    private readonly options: RedisConnectionOptions,
  ) {
    client.on('error', (error: unknown) => {
      this.trouble = storeError(error);
    });
    client.on('ready', () => {
      this.trouble = undefined;
    });
    client.on('end', () => this.#revive());
  }

  /**
   * Resolves when the server has answered and is fit for its job. Throws STORE_UNAVAILABLE (retryable) when it cannot
   * be reached, STORE_REFUSED for a wrong password, CONFIG_INVALID for a server that is too old or evicts keys.
   */
  static async open(options: RedisConnectionOptions): Promise<RedisConnection> {
    const connection = new RedisConnection(createClient(options), options);
    try {
      await within(OPEN_FACTOR * (options.connectTimeoutMs ?? CONNECT_MS), connection.client.connect());
      for (const info of await connection.infos()) refuseUnfit(info);
      connection.#closed = false;
      if (connection.client.status === 'end') connection.#revive();
      return connection;
    } catch (error) {
      await connection.close();
      throw openError(connection.trouble ?? storeError(error), options);
    }
  }

  get ready(): boolean {
    return this.client.status === 'ready';
  }

  get isCluster(): boolean {
    return this.options.mode === 'cluster';
  }

  /** Runs one command, or several that belong together. Throws KeymeterError only. */
  async run<T>(action: (client: RedisClient) => Promise<T>): Promise<T> {
    try {
      return await action(this.client);
    } catch (error) {
      throw storeError(error);
    }
  }

  /** Another connection to the same place: for subscriptions, and for commands that block. */
  another(changes: Partial<RedisConnectionOptions> = {}): Promise<RedisConnection> {
    return RedisConnection.open({ ...this.options, ...changes });
  }

  /** INFO of the server, of each master in a cluster. */
  async infos(): Promise<ServerInfo[]> {
    const { client } = this;
    const nodes = client instanceof Cluster ? client.nodes('master') : [client];
    return this.run(async () => (await Promise.all(nodes.map((node) => node.info()))).map(parseInfo));
  }

  /** Called each time a connection is up again, not for the first one. In a cluster: of any of its nodes. */
  onReconnect(listener: () => void): void {
    this.client.on('ready', listener);
    if (this.client instanceof Cluster) this.client.on('+node', listener);
  }

  /** Called each time the connection is gone. In a cluster: all of its nodes. */
  onDisconnect(listener: () => void): void {
    this.client.on('close', listener);
  }

  /** Commands in flight are rejected. */
  async close(): Promise<void> {
    const { client } = this;
    this.#closed = true;
    clearTimeout(this.#revival);
    if (client.status === 'end') return;
    const connected = client.status !== 'reconnecting' && client.status !== 'wait';
    const ended = new Promise<void>((resolve) => client.once('end', () => resolve()));
    client.disconnect();
    if (connected) await within(2 * DISCONNECT_MS, ended).catch(() => undefined); // whatever it still does, it is cut off
  }

  /** ioredis gives up for ever where finding the server fails in a way that it does not expect. */
  #revive(): void {
    if (this.#closed) return;
    const again = () => this.client.connect().catch((error) => this.#failed(error));
    this.#revival = setTimeout(again, RETRY_MAX_MS).unref();
  }

  #failed(error: unknown): void {
    this.trouble = storeError(error);
  }
}

/** A cluster client goes on trying for ever. */
async function within<T>(ms: number, action: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([action, late]);
  } finally {
    clearTimeout(timer);
  }
}

function createClient(options: RedisConnectionOptions): RedisClient {
  const [first] = options.nodes;
  if (!first) throw new KeymeterError('CONFIG_INVALID', 'No address of a Redis is given.');
  const base = baseOptions(options);
  if (options.mode === 'standalone') return new Redis({ ...base, host: first.host, port: first.port });
  if (options.mode === 'sentinel') return new Redis({ ...base, ...sentinelOptions(options) });
  return new Cluster([...options.nodes], {
    redisOptions: base,
    lazyConnect: true,
    enableOfflineQueue: false,
    retryDelayOnFailover: 0, // anything else repeats commands whose connection closed
    clusterRetryStrategy: backoff,
    slotsRefreshTimeout: base.connectTimeout,
  });
}

function baseOptions(options: RedisConnectionOptions): RedisOptions {
  const { username, password, database, tls, name } = options;
  return {
    username,
    password,
    db: database ?? 0,
    tls: tls === true ? {} : tls || undefined,
    connectionName: name,
    lazyConnect: true,
    connectTimeout: options.connectTimeoutMs ?? CONNECT_MS,
    disconnectTimeout: DISCONNECT_MS,
    commandTimeout: options.commandTimeoutMs ?? COMMAND_MS,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0, // rejects all in flight as soon as the connection closes
    enableOfflineQueue: false,
    retryStrategy: backoff,
    reconnectOnError: (error) => error.message.startsWith('READONLY'), // the master has moved: look for it again
  };
}

function sentinelOptions({ nodes, masterName, sentinelPassword, tls }: RedisConnectionOptions): RedisOptions {
  if (!masterName) throw new KeymeterError('CONFIG_INVALID', 'Redis by sentinels needs the name of the master.');
  return {
    sentinels: nodes.map(({ host, port }) => ({ host, port })),
    name: masterName,
    sentinelPassword,
    enableTLSForSentinelMode: Boolean(tls),
    sentinelRetryStrategy: backoff, // no failoverDetector: a switch while it looks for the master ends the client
  };
}

/** Full jitter over a doubling span, so that many nodes do not come back at the same moment. */
function backoff(attempt: number): number {
  const span = Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** Math.min(attempt, 10));
  return RETRY_BASE_MS / 2 + Math.random() * span;
}

function openError(error: KeymeterError, { nodes, tls }: RedisConnectionOptions): KeymeterError {
  if (!(error instanceof StoreUnavailable) || !(error.cause instanceof Error)) return error;
  const where = nodes.map(({ host, port }) => `${host}:${port}`).join(', ');
  const { cause } = error;
  const closed = !tls && /closed|ECONNRESET/.test(cause.message);
  const hint = closed ? ' If it speaks TLS there, set KEYMETER_REDIS_TLS=on.' : '';
  return new StoreUnavailable(`Redis at ${where}: ${error.message} (${cause.message})${hint}`, error.inDoubt, cause);
}
