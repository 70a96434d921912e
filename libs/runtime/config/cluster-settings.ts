/** Settings that matter with KEYMETER_STORES=cluster only. */
import { z } from 'zod';
import { file, MiB, secret, setting, whole } from './setting.js';

const list = (what: string) =>
  z
    .string()
    .min(1)
    .transform((text) => text.split(',').map((part) => part.trim()))
    .refine((parts) => parts.every((part) => part !== ''), `must be a list of ${what} with commas between them`)
    .optional();

const hostsAndPorts = list('host:port').refine(
  (parts) => (parts ?? []).every((part) => /^(\[[0-9a-f:]+\]|[^\s:/]+):\d{1,5}$/i.test(part)),
  'must be a list of host:port, such as kafka-1:9092,kafka-2:9092',
);

const httpUrl = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'must be an http or https URL')
  .refine((text) => !URL.canParse(text) || new URL(text).password === '', 'must not hold a password')
  .optional();

export const clusterSettings = {
  KEYMETER_NODE_ID: setting(
    z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,64}$/, 'must have 1 to 64 of A-Z a-z 0-9 . _ -')
      .optional(),
    'word',
    'Name of this process in leases, producer ids and consumer groups; by default one is made and kept in the data folder.',
  ),
  KEYMETER_KAFKA_BROKERS: setting(hostsAndPorts, 'host:port list', 'Brokers to begin with.'),
  KEYMETER_KAFKA_PARTITIONS: setting(
    whole(1, 10_000, 8),
    'partitions',
    'Partitions of the topic of events when it is created.',
  ),
  KEYMETER_KAFKA_REPLICATION: setting(
    whole(1, 15, 1),
    'copies',
    'Copies of every topic when it is created; 3 where there are three brokers.',
  ),
  KEYMETER_KAFKA_MECHANISM: setting(
    z.enum(['none', 'plain', 'scram-sha-256', 'scram-sha-512']).default('none'),
    'word',
    'How to log in to Kafka (SASL).',
  ),
  KEYMETER_KAFKA_USER: setting(z.string().min(1).optional(), 'name', 'User for SASL.'),
  KEYMETER_KAFKA_PASSWORD: secret('Password for SASL.'),
  KEYMETER_KAFKA_TLS: setting(z.enum(['off', 'on']).default('off'), 'word', 'Whether brokers are talked to over TLS.'),
  KEYMETER_KAFKA_TLS_CA_FILE: file('Certificates to trust for Kafka; by default those of the system.'),
  KEYMETER_KAFKA_TLS_CERT_FILE: file('Certificate that keymeter shows to Kafka, where brokers demand one.'),
  KEYMETER_KAFKA_TLS_KEY_FILE: file('Private key of that certificate, without a passphrase.'),
  KEYMETER_KAFKA_SESSION_MS: setting(
    whole(1_000, 300_000, 15_000),
    'ms',
    'Silence after which Kafka gives the partitions of a consumer or policy process to others.',
  ),
  KEYMETER_REDIS_MODE: setting(
    z.enum(['standalone', 'sentinel', 'cluster']).default('standalone'),
    'word',
    'What KEYMETER_REDIS_NODES are.',
  ),
  KEYMETER_REDIS_NODES: setting(
    hostsAndPorts,
    'host:port list',
    'The Redis server, the sentinels, or nodes of the cluster.',
  ),
  KEYMETER_REDIS_MASTER: setting(
    z.string().min(1).default('keymeter'),
    'name',
    'Name of the master that sentinels watch.',
  ),
  KEYMETER_REDIS_USER: setting(z.string().min(1).optional(), 'name', 'User of Redis.'),
  KEYMETER_REDIS_PASSWORD: secret('Password of Redis.'),
  KEYMETER_REDIS_TLS: setting(z.enum(['off', 'on']).default('off'), 'word', 'Whether Redis is talked to over TLS.'),
  KEYMETER_REDIS_TLS_CA_FILE: file('Certificates to trust for Redis; by default those of the system.'),
  KEYMETER_REDIS_TLS_CERT_FILE: file('Certificate that keymeter shows to Redis, where it demands one.'),
  KEYMETER_REDIS_TLS_KEY_FILE: file('Private key of that certificate, without a passphrase.'),
  KEYMETER_CLICKHOUSE_URL: setting(httpUrl, 'URL', 'HTTP address of ClickHouse, without user and password.'),
  KEYMETER_CLICKHOUSE_USER: setting(z.string().min(1).default('default'), 'name', 'User of ClickHouse.'),
  KEYMETER_CLICKHOUSE_PASSWORD: secret('Password of ClickHouse.'),
  KEYMETER_CLICKHOUSE_TLS_CA_FILE: file(
    'Certificates to trust for an https ClickHouse; by default those of the system.',
  ),
  KEYMETER_CLICKHOUSE_TIMEOUT_MS: setting(
    whole(1_000, 3_600_000, 60_000),
    'ms',
    'Longest silence of ClickHouse, and longest time for the body of one answer; then the statement counts as failed.',
  ),
  KEYMETER_CLICKHOUSE_CLUSTER: setting(
    z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'must be a name of letters, digits and _')
      .optional(),
    'name',
    'Cluster on which replicated tables are created; without it the tables are plain ones.',
  ),
  KEYMETER_LEASE_MS: setting(
    whole(200, 60_000, 2_000),
    'ms',
    'How long a node may answer from its memory without word from Redis, and the longest that a revocation waits for a node.',
  ),
  KEYMETER_ON_STORE_OUTAGE: setting(
    z.enum(['serve-cached', 'refuse', 'allow']).default('serve-cached'),
    'word',
    'What a verification is answered while Redis is away. serve-cached: from memory for as long as the lease holds, 503 afterwards; refuse: 503 at once; allow: as serve-cached, then by what this node last knew of the key, without limits and credits, marked as unverified.',
  ),
  KEYMETER_LIMITS: setting(
    z.enum(['exact', 'fast']).default('exact'),
    'word',
    'exact: each verification under a rate limit asks Redis; fast: a node takes units by the hundredth of a limit and gives them out by itself, so that some may be refused while other nodes hold them, never more let through.',
  ),
  KEYMETER_SPOOL_MAX_BYTES: setting(
    whole(MiB, 2 ** 50, 10_240 * MiB),
    'bytes',
    'Size of the local log of an ingress, in which events wait while Kafka is away, at which requests get 503.',
  ),
} as const;
