/** What the cluster's adapters need of the settings, in the units that their code uses. */
import { readFileSync } from 'node:fs';
import { KeymeterError } from '#domain/errors.js';
import type { Settings } from './settings.js';

export function kafkaOptions(settings: Settings) {
  const { KEYMETER_KAFKA_USER: username = '', KEYMETER_KAFKA_PASSWORD: password = '' } = settings;
  const mechanism = settings.KEYMETER_KAFKA_MECHANISM;
  const ca = settings.KEYMETER_KAFKA_TLS_CA_FILE;
  return {
    brokers: settings.KEYMETER_KAFKA_BROKERS ?? [],
    ssl: settings.KEYMETER_KAFKA_TLS === 'on' && (ca === undefined ? true : { ca: certificates(ca) }),
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
    tls: settings.KEYMETER_REDIS_TLS === 'on',
  };
}

export function clickhouseOptions(settings: Settings) {
  return {
    url: settings.KEYMETER_CLICKHOUSE_URL ?? '',
    username: settings.KEYMETER_CLICKHOUSE_USER,
    password: settings.KEYMETER_CLICKHOUSE_PASSWORD ?? '',
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

function certificates(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const detail = `KEYMETER_KAFKA_TLS_CA_FILE: ${path} cannot be read.`;
    throw new KeymeterError('CONFIG_INVALID', detail, { cause });
  }
}
