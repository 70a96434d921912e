/** Settings of a cluster that contradict each other, one sentence each. */
import type { Settings } from './settings.js';

const SERVERS = ['KEYMETER_KAFKA_BROKERS', 'KEYMETER_REDIS_NODES', 'KEYMETER_CLICKHOUSE_URL'] as const;

export function clusterContradictions(settings: Settings): string[] {
  if (settings.KEYMETER_STORES === 'cluster') {
    return [...missingServers(settings), ...kafkaLogin(settings), ...redisNodes(settings), ...tlsFiles(settings)];
  }
  // Which log holds the truth must never be a guess.
  const fast = 'KEYMETER_LIMITS: fast is for KEYMETER_STORES=cluster; embedded limits are exact and fast.';
  const named = SERVERS.filter((name) => settings[name] !== undefined).map(
    (name) => `${name}: is set while KEYMETER_STORES is embedded; set KEYMETER_STORES=cluster or leave it out.`,
  );
  return settings.KEYMETER_LIMITS === 'fast' ? [...named, fast] : named;
}

function missingServers(settings: Settings): string[] {
  return SERVERS.filter((name) => settings[name] === undefined).map(
    (name) => `${name}: must be set with KEYMETER_STORES=cluster.`,
  );
}

function kafkaLogin(settings: Settings): string[] {
  const { KEYMETER_KAFKA_USER: user, KEYMETER_KAFKA_PASSWORD: password } = settings;
  const uses = settings.KEYMETER_KAFKA_MECHANISM !== 'none';
  if (uses && (user === undefined || password === undefined)) {
    return ['KEYMETER_KAFKA_MECHANISM: needs KEYMETER_KAFKA_USER and KEYMETER_KAFKA_PASSWORD.'];
  }
  if (uses || (user === undefined && password === undefined)) return [];
  return [
    'KEYMETER_KAFKA_MECHANISM: is none while KEYMETER_KAFKA_USER or KEYMETER_KAFKA_PASSWORD is set; set it to plain, scram-sha-256 or scram-sha-512, or leave them out.',
  ];
}

function redisNodes(settings: Settings): string[] {
  const several = (settings.KEYMETER_REDIS_NODES?.length ?? 0) > 1;
  if (settings.KEYMETER_REDIS_MODE !== 'standalone' || !several) return [];
  return ['KEYMETER_REDIS_NODES: names several nodes; set KEYMETER_REDIS_MODE to sentinel or cluster.'];
}

function tlsFiles(settings: Settings): string[] {
  const problems = (['KAFKA', 'REDIS'] as const).flatMap((server) => {
    const files = (['CA', 'CERT', 'KEY'] as const).map((kind) => `KEYMETER_${server}_TLS_${kind}_FILE` as const);
    const [, cert, key] = files.map((name) => settings[name]);
    if (settings[`KEYMETER_${server}_TLS`] === 'off') {
      return files
        .filter((name) => settings[name] !== undefined)
        .map((name) => `${name}: is set while KEYMETER_${server}_TLS is off; set that to on or leave it out.`);
    }
    if ((cert === undefined) === (key === undefined)) return [];
    return [`${cert === undefined ? files[2] : files[1]}: the certificate and its key are set together or not at all.`];
  });
  const https = settings.KEYMETER_CLICKHOUSE_URL?.startsWith('https:') ?? false;
  if (settings.KEYMETER_CLICKHOUSE_TLS_CA_FILE === undefined || https) return problems;
  return [...problems, 'KEYMETER_CLICKHOUSE_TLS_CA_FILE: is set while KEYMETER_CLICKHOUSE_URL is not an https URL.'];
}
