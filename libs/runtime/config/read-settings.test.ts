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
