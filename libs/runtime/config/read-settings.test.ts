import { settingsTable } from './print-settings.js';
import { readSettings } from './read-settings.js';
import { SETTING_NAMES } from './settings.js';

const problemsOf = (environment: Record<string, string>) => {
  try {
    readSettings(environment);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

test('without any variable everything has its default', () => {
  expect(readSettings({})).toMatchObject({
    KEYMETER_PORT: 8080,
    KEYMETER_HOST: '127.0.0.1',
    KEYMETER_DATA_DIR: './.keymeter',
  });
});

test('all problems are reported at once, each with the name of its variable', () => {
  const text = problemsOf({ KEYMETER_PORT: '70000', KEYMETER_INSERT_MAX_ROWS: 'many', KEYMETER_STORES: 'floppy' });
  expect(text.split('\n')).toHaveLength(3);
  expect(text).toMatch(/KEYMETER_PORT: .*65535/);
  expect(text).toMatch(/KEYMETER_INSERT_MAX_ROWS: must be a whole number/);
  expect(text).toMatch(/KEYMETER_STORES/);
});

test('an unknown KEYMETER_ variable stops the start and names the nearest known one', () => {
  expect(problemsOf({ KEYMETER_PROT: '1' })).toContain('did you mean KEYMETER_PORT?');
  expect(problemsOf({ HOME: '/root' })).toBe('');
});

test('a secret is never repeated in a problem', () => {
  expect(problemsOf({ KEYMETER_ROOT_KEY: 's3cret' })).toMatch(/KEYMETER_ROOT_KEY: must have at least 20/);
  expect(problemsOf({ KEYMETER_ROOT_KEY: 's3cret', KEYMETER_REDIS_URL: 'redis//:s3cretpw@host' })).not.toMatch(
    /s3cret/,
  );
});

test('raw retention that ends before a repeated id could still arrive does not start', () => {
  expect(problemsOf({ KEYMETER_RAW_RETENTION_DAYS: '42' })).toContain(
    'KEYMETER_RAW_RETENTION_DAYS: must be more than 42',
  );
  expect(problemsOf({ KEYMETER_RAW_RETENTION_DAYS: '43' })).toBe('');
});

test('the printed table names every setting with its default, unit and meaning', () => {
  const lines = settingsTable().split('\n');
  expect(lines).toHaveLength(SETTING_NAMES.length);
  expect(lines[0]).toMatch(/^KEYMETER_PORT\s+8080\s+TCP port\s+Where HTTP is served/);
});

test('a cluster without its servers, or servers without a cluster, do not start: one sentence for each variable', () => {
  const CLUSTER = { KEYMETER_STORES: 'cluster' };
  expect(problemsOf(CLUSTER).split('\n')).toEqual([
    'KEYMETER_KAFKA_BROKERS: must be set with KEYMETER_STORES=cluster.',
    'KEYMETER_REDIS_NODES: must be set with KEYMETER_STORES=cluster.',
    'KEYMETER_CLICKHOUSE_URL: must be set with KEYMETER_STORES=cluster.',
  ]);
  expect(problemsOf({ KEYMETER_KAFKA_BROKERS: 'kafka:9092' })).toMatch(/^KEYMETER_KAFKA_BROKERS: is set while/);
  expect(problemsOf({ KEYMETER_LIMITS: 'fast' })).toMatch(/^KEYMETER_LIMITS: fast is for KEYMETER_STORES=cluster/);
  const servers = {
    ...CLUSTER,
    KEYMETER_KAFKA_BROKERS: 'a:9092, b:9092',
    KEYMETER_REDIS_NODES: 'redis:6379',
    KEYMETER_CLICKHOUSE_URL: 'http://clickhouse:8123',
  };
  expect(problemsOf(servers)).toBe('');
  expect(readSettings(servers).KEYMETER_KAFKA_BROKERS).toEqual(['a:9092', 'b:9092']);
  expect(problemsOf({ ...servers, KEYMETER_KAFKA_MECHANISM: 'plain' })).toMatch(/needs KEYMETER_KAFKA_USER and/);
  expect(problemsOf({ ...servers, KEYMETER_REDIS_NODES: 'a:1,b:2' })).toMatch(/KEYMETER_REDIS_MODE/);
  expect(problemsOf({ ...servers, KEYMETER_KAFKA_BROKERS: 'kafka' })).toMatch(/must be a list of host:port/);
  const withPassword = problemsOf({ ...servers, KEYMETER_CLICKHOUSE_URL: 'http://u:s3cret@clickhouse:8123' });
  expect(withPassword).toMatch(/KEYMETER_CLICKHOUSE_URL: must not hold a password/);
  expect(withPassword).not.toContain('s3cret');
});

test('settings of logins and certificates that contradict each other do not start, each with what to do', () => {
  const servers = {
    KEYMETER_STORES: 'cluster',
    KEYMETER_KAFKA_BROKERS: 'kafka:9093',
    KEYMETER_REDIS_NODES: 'redis:6379',
    KEYMETER_CLICKHOUSE_URL: 'http://clickhouse:8123',
  };
  const problems = (more: Record<string, string>) => problemsOf({ ...servers, ...more });
  expect(problems({ KEYMETER_KAFKA_USER: 'me', KEYMETER_KAFKA_PASSWORD: 's3cret' })).toMatch(
    /^KEYMETER_KAFKA_MECHANISM: is none while KEYMETER_KAFKA_USER or KEYMETER_KAFKA_PASSWORD is set; set it to plain/,
  );
  expect(problems({ KEYMETER_KAFKA_PASSWORD: 's3cret' })).not.toContain('s3cret');
  expect(problems({ KEYMETER_KAFKA_TLS_CA_FILE: '/ca.pem' })).toMatch(
    /^KEYMETER_KAFKA_TLS_CA_FILE: is set while KEYMETER_KAFKA_TLS is off; set that to on or leave it out\.$/,
  );
  expect(problems({ KEYMETER_REDIS_TLS: 'on', KEYMETER_REDIS_TLS_CERT_FILE: '/c.pem' })).toMatch(
    /^KEYMETER_REDIS_TLS_CERT_FILE: the certificate and its key are set together or not at all\.$/,
  );
  expect(problems({ KEYMETER_CLICKHOUSE_TLS_CA_FILE: '/ca.pem' })).toMatch(
    /KEYMETER_CLICKHOUSE_URL is not an https URL/,
  );
  const well = {
    KEYMETER_KAFKA_TLS: 'on',
    KEYMETER_KAFKA_TLS_CA_FILE: '/ca.pem',
    KEYMETER_KAFKA_MECHANISM: 'scram-sha-512',
    KEYMETER_KAFKA_USER: 'me',
    KEYMETER_KAFKA_PASSWORD: 's3cret',
    KEYMETER_REDIS_TLS: 'on',
    KEYMETER_CLICKHOUSE_URL: 'https://clickhouse:8443',
    KEYMETER_CLICKHOUSE_TLS_CA_FILE: '/ca.pem',
  };
  expect(problems(well)).toBe('');
});
