/** What the cluster's adapters need of the settings, in the units that their code uses. */
import type { Settings } from './settings.js';
import { readTlsFiles } from './tls-files.js';

export function kafkaOptions(settings: Settings) {
  const { KEYMETER_KAFKA_USER: username = '', KEYMETER_KAFKA_PASSWORD: password = '' } = settings;
  const mechanism = settings.KEYMETER_KAFKA_MECHANISM;
  return {
    brokers: settings.KEYMETER_KAFKA_BROKERS ?? [],
    ssl: settings.KEYMETER_KAFKA_TLS === 'on' && readTlsFiles('KEYMETER_KAFKA_TLS', kafkaFiles(settings)),
    sasl: mechanism === 'none' ? undefined : { mechanism, username, password },
  };
}

export function topicOptions(settings: Settings) {
  return {
    partitions: settings.KEYMETER_KAFKA_PARTITIONS,
    replication: settings.KEYMETER_KAFKA_REPLICATION,
    retentionMs: settings.KEYMETER_LOG_RETENTION_HOURS * 3_600_000,
    maxEventBytes: settings.KEYMETER_EVENT_MAX_BYTES,
  };
}

export function redisOptions(settings: Settings) {
  return {
    mode: settings.KEYMETER_REDIS_MODE,
    nodes: (settings.KEYMETER_REDIS_NODES ?? []).map(hostAndPort),
    masterName: settings.KEYMETER_REDIS_MASTER,
    username: settings.KEYMETER_REDIS_USER,
    password: settings.KEYMETER_REDIS_PASSWORD,
    tls: settings.KEYMETER_REDIS_TLS === 'on' && readTlsFiles('KEYMETER_REDIS_TLS', redisFiles(settings)),
  };
}

export function clickhouseOptions(settings: Settings) {
  return {
    url: settings.KEYMETER_CLICKHOUSE_URL ?? '',
    username: settings.KEYMETER_CLICKHOUSE_USER,
    password: settings.KEYMETER_CLICKHOUSE_PASSWORD ?? '',
    ca: readTlsFiles('KEYMETER_CLICKHOUSE_TLS', { ca: settings.KEYMETER_CLICKHOUSE_TLS_CA_FILE }).ca,
    timeoutMs: settings.KEYMETER_CLICKHOUSE_TIMEOUT_MS,
    cluster: settings.KEYMETER_CLICKHOUSE_CLUSTER,
  };
}

/** The node's local log, in which events wait until Kafka has them. */
export function spoolOptions(settings: Settings) {
  return {
    segmentBytes: Math.min(settings.KEYMETER_LOG_SEGMENT_BYTES, settings.KEYMETER_SPOOL_MAX_BYTES / 4),
    maxBytes: settings.KEYMETER_SPOOL_MAX_BYTES,
    reserveBytes: settings.KEYMETER_DISK_RESERVE_BYTES,
  };
}

function hostAndPort(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}

function kafkaFiles(settings: Settings) {
  const { KEYMETER_KAFKA_TLS_CA_FILE: ca, KEYMETER_KAFKA_TLS_CERT_FILE: cert } = settings;
  return { ca, cert, key: settings.KEYMETER_KAFKA_TLS_KEY_FILE };
}

function redisFiles(settings: Settings) {
  const { KEYMETER_REDIS_TLS_CA_FILE: ca, KEYMETER_REDIS_TLS_CERT_FILE: cert } = settings;
  return { ca, cert, key: settings.KEYMETER_REDIS_TLS_KEY_FILE };
}
