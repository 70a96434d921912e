/** Every setting of every process, in one schema: name, default, unit, meaning. `npm run config` prints it. */
import { z } from 'zod';
import { clusterSettings } from './cluster-settings.js';
import { MiB, setting, whole } from './setting.js';

export const settingsSchema = z.object({
  KEYMETER_PORT: setting(whole(0, 65535, 8080), 'TCP port', 'Where HTTP is served; 0 picks a free port.'),
  KEYMETER_HOST: setting(z.string().min(1).default('127.0.0.1'), 'address', 'Address to listen on; 0.0.0.0 for all.'),
  KEYMETER_DATA_DIR: setting(z.string().min(1).default('./.keymeter'), 'folder', 'Everything that is stored.'),
  KEYMETER_ROOT_KEY: setting(
    z.string().min(20, 'must have at least 20 characters').max(512).optional(),
    'secret',
    'A root key with all rights. Without it one is made and printed on the first start. Only its hash is stored.',
  ),
  KEYMETER_STORES: setting(
    z.enum(['embedded', 'cluster']).default('embedded'),
    'word',
    'embedded: all stores in this process; cluster: Kafka, Redis and ClickHouse.',
  ),
  ...clusterSettings,
  KEYMETER_LOG_MAX_BYTES: setting(
    whole(MiB, 2 ** 50, 10_240 * MiB),
    'bytes',
    'Size of the event log at which ingest answers 503.',
  ),
  KEYMETER_LOG_SEGMENT_BYTES: setting(whole(4096, 2 ** 31, 64 * MiB), 'bytes', 'Size of one file of the event log.'),
  KEYMETER_LOG_RETENTION_HOURS: setting(
    whole(1, 24 * 365, 24 * 7),
    'hours',
    'How long consumed events stay in the log.',
  ),
  KEYMETER_DISK_RESERVE_BYTES: setting(
    whole(0, 2 ** 50, 256 * MiB),
    'bytes',
    'Free disk below which ingest answers 503.',
  ),
  KEYMETER_RAW_RETENTION_DAYS: setting(whole(1, 36_500, 90), 'days', 'How long raw events are kept, from acceptance.'),
  KEYMETER_MINUTE_RETENTION_DAYS: setting(whole(1, 36_500, 180), 'days', 'How long usage per minute is kept.'),
  KEYMETER_HOUR_RETENTION_DAYS: setting(whole(1, 36_500, 800), 'days', 'How long usage per hour is kept.'),
  KEYMETER_DAY_RETENTION_DAYS: setting(whole(1, 36_500, 3650), 'days', 'How long usage per day is kept.'),
  KEYMETER_MONTH_RETENTION_DAYS: setting(whole(1, 36_500, 3650), 'days', 'How long usage per month is kept.'),
  KEYMETER_DEDUPE_WINDOW_DAYS: setting(whole(1, 365, 35), 'days', 'How long an event id counts once, from acceptance.'),
  KEYMETER_DEDUPE_MEMORY_BYTES: setting(
    whole(4 * MiB, 2 ** 40, 64 * MiB),
    'bytes',
    'Memory for filters of known event ids.',
  ),
  KEYMETER_INSERT_MAX_ROWS: setting(whole(1, 500_000, 50_000), 'rows', 'Rows after which usage is inserted at once.'),
  KEYMETER_INSERT_MAX_AGE_MS: setting(
    whole(1, 60_000, 500),
    'ms',
    'Wait of a row for its insert to fill; in a cluster half of it more for each busy partition of a consumer, up to eight.',
  ),
  KEYMETER_EVENT_MAX_FUTURE_DAYS: setting(whole(0, 36_500, 366), 'days', 'How far ahead an event time may lie.'),
  KEYMETER_EVENT_MAX_BYTES: setting(whole(1024, 16 * MiB, MiB), 'bytes', 'Largest single event.'),
  KEYMETER_INGEST_MAX_EVENTS: setting(whole(1, 100_000, 10_000), 'events', 'Most events in one batch.'),
  KEYMETER_INGEST_MAX_BYTES: setting(whole(1024, 64 * MiB, 8 * MiB), 'bytes', 'Largest body of an ingest request.'),
  KEYMETER_POLICY_LATENESS_MS: setting(
    whole(0, 86_400_000, 300_000),
    'ms',
    'How late, by event time, an event may come and still count in a policy.',
  ),
  KEYMETER_POLICY_MAX_SUBJECTS: setting(
    whole(1_000, 10_000_000, 500_000),
    'subjects',
    'Subjects of a policy and partition in memory; others that still count wait in the data folder.',
  ),
  KEYMETER_POLICY_MAX_BYTES_PER_KEY: setting(
    whole(100, 16 * MiB, 65_536),
    'bytes',
    'State that a policy may keep of each key: one that keeps more is refused when it is saved.',
  ),
  KEYMETER_POLICY_MIN_EVENTS_PER_SECOND: setting(
    whole(0, 100_000_000, 0),
    'events/s',
    "What a policy must manage on the last day's log when it is saved; 0 asks for nothing.",
  ),
  KEYMETER_POLICY_GATE: setting(
    z.enum(['off', 'on']).default('off'),
    'word',
    'on: a policy goes to shadow only with a backtest report, and to staged or on only from shadow.',
  ),
  KEYMETER_POLICY_APPROVAL: setting(
    z.enum(['off', 'on']).default('off'),
    'word',
    'on: no policy acts, nor acts otherwise, before a root key other than the one that proposed it has approved.',
  ),
  KEYMETER_WEBHOOK_PRIVATE_ADDRESSES: setting(
    z.enum(['refuse', 'allow']).default('refuse'),
    'word',
    'Whether webhooks may go to loopback, private and other addresses that are not public.',
  ),
  KEYMETER_WEBHOOK_HTTP: setting(
    z.enum(['refuse', 'allow']).default('refuse'),
    'word',
    'Whether webhooks may go to plain http.',
  ),
  KEYMETER_WEBHOOK_SECRET_KEY: setting(
    z.string().min(32, 'must have at least 32 characters').max(1024).optional(),
    'secret',
    'With it the secrets of webhooks are stored encrypted; the same on every policy process. 32 random characters or more.',
  ),
  KEYMETER_SHUTDOWN_MS: setting(
    whole(100, 600_000, 20_000),
    'ms',
    'How long a stop may take before the process ends anyway.',
  ),
  KEYMETER_URL: setting(z.string().optional(), 'URL', 'Read by the command line only: the server to talk to.'),
  KEYMETER_CLUSTER: setting(
    z.string().optional(),
    'file',
    'Read by the command line only: addresses of a cluster, as addresses.json has them.',
  ),
  KEYMETER_INGRESS_URL: setting(z.string().optional(), 'URL list', 'Read by the command line only: ingresses.'),
  KEYMETER_QUERY_URL: setting(z.string().optional(), 'URL list', 'Read by the command line only: query processes.'),
  KEYMETER_POLICY_URL: setting(z.string().optional(), 'URL list', 'Read by the command line only: policy processes.'),
});

export type Settings = z.infer<typeof settingsSchema>;
export const SETTING_NAMES = Object.keys(settingsSchema.shape) as (keyof Settings)[];
