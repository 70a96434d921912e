/**
 * Writes which settings the Helm chart passes on into its values.schema.json, from the schema of all settings, so that
 * a value that no process would take is refused before anything is installed. `--check` fails where it is not up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { prepare, root } from './prepare.mjs';

if (!process.argv.includes('--built')) prepare();
const { settingsSchema } = await import('../dist/libs/runtime/config/settings.js');

const FILE = join(root, 'infra/helm/keymeter/values.schema.json');
/** What the chart sets itself, from values of its own. */
const OWN =
  /^KEYMETER_(NODE_ID|STORES|HOST|PORT|DATA_DIR|SHUTDOWN_MS|ROOT_KEY|SPOOL_MAX_BYTES|WEBHOOK_SECRET_KEY|REDIS_.*|CLICKHOUSE_.*|KAFKA_(?!SESSION_MS).*)$/;

const { properties } = z.toJSONSchema(settingsSchema, { io: 'input' });
const passed = Object.entries(properties).filter(
  ([name, { description }]) => !OWN.test(name) && !description.startsWith('Read by the command line only'),
);
const settings = Object.fromEntries(passed.map(([name, { unit, default: _, ...rest }]) => [name, typed(rest, name)]));

const before = readFileSync(FILE, 'utf8');
const schema = JSON.parse(before);
schema.properties.settings.properties = settings;
if (process.argv.includes('--check')) {
  if (JSON.stringify(JSON.parse(before)) === JSON.stringify(schema)) process.exit(0);
  process.stderr.write('values.schema.json of the chart is not up to date: run node scripts/chart-schema.mjs\n');
  process.exit(1);
}
writeFileSync(FILE, `${JSON.stringify(schema, null, 2)}\n`);

/** Numbers are read from text, so their type is unknown on the way in; on the way out it is known. */
function typed(rest, name) {
  const { minimum, maximum } = z.toJSONSchema(settingsSchema.shape[name], { io: 'output' });
  return minimum === undefined ? { type: 'string', ...rest } : { ...rest, type: 'integer', minimum, maximum };
}
