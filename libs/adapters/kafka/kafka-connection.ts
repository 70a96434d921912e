/** How the brokers are reached. Every user of it has connections of its own: a long fetch holds up nobody's commit. */
import { Kafka, logLevel } from 'kafkajs';
import { Cluster, createLogger, type KafkaCluster, socketFactory } from './kafka-protocol.js';

export interface KafkaOptions {
  /** host:port */
  readonly brokers: readonly string[];
  readonly clientId?: string;
  /** True: TLS with the system's authorities; else PEM texts. */
  readonly ssl?: boolean | { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly sasl?: {
    readonly mechanism: string; // plain, scram-sha-256, scram-sha-512
    readonly username: string;
    readonly password: string;
  };
  readonly connectionTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  /** Warnings and errors of the client; silent without. */
  readonly onLog?: (entry: { level: 'warn' | 'error'; message: string; broker?: string }) => void;
}

interface ClientLog {
  readonly level: number;
  readonly log: { readonly message: string; readonly broker?: string };
}

const METADATA_MAX_AGE_MS = 60_000;

export class KafkaConnection {
  constructor(readonly options: KafkaOptions) {}

  cluster(): KafkaCluster {
    const { ssl, requestTimeoutMs = 10_000, ...settings } = this.#settings();
    return new Cluster({
      ...settings,
      ssl: ssl === true ? {} : ssl || undefined,
      requestTimeout: requestTimeoutMs,
      enforceRequestTimeout: true,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      allowAutoTopicCreation: false,
      logger: createLogger({ level: logLevel.WARN, logCreator: this.#logCreator }),
      socketFactory: socketFactory(),
    });
  }

  /** kafkajs's own client of the administrative requests. */
  admin() {
    const { requestTimeoutMs: requestTimeout = 10_000, ...settings } = this.#settings();
    const kafka = new Kafka({
      ...(settings as unknown as { brokers: string[] }),
      requestTimeout,
      logLevel: logLevel.WARN,
      logCreator: this.#logCreator,
    });
    return kafka.admin();
  }

  #settings() {
    const { brokers, clientId = 'keymeter', ssl, sasl, connectionTimeoutMs = 3_000, requestTimeoutMs } = this.options;
    // Repeating is the callers' business: they know what may be repeated and until when.
    const retry = { retries: 1, initialRetryTime: 50, maxRetryTime: 200 };
    return { brokers, clientId, ssl, sasl, connectionTimeout: connectionTimeoutMs, requestTimeoutMs, retry };
  }

  readonly #logCreator = () => (entry: ClientLog) => {
    const level = entry.level === logLevel.ERROR ? 'error' : 'warn';
    this.options.onLog?.({ level, message: entry.log.message, broker: entry.log.broker });
  };
}
