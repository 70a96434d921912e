/** The servers of a cluster for commands that talk to Kafka, Redis and ClickHouse themselves: environment, then a file. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { KeymeterError } from '#domain/errors.js';
import { readSettings } from '#runtime/config/read-settings.js';
import type { Settings } from '#runtime/config/settings.js';
import type { CliContext } from '../command.js';
import { CliError, EXIT } from '../exit-code.js';

/** As `npm run cluster` writes it; addresses of apps beside these are passed over. */
const serversSchema = z.object({
  kafka: z.string(),
  redis: z.string(),
  clickhouse: z.string(),
  /** Path from the file's folder; the password itself is in no such file. */
  clickhousePasswordFile: z.string().optional(),
  clickhouseUser: z.string().optional(),
});

/** Throws CliError (usage) with everything that is missing or wrong. */
export async function clusterSettings(context: CliContext, file: string | undefined): Promise<Settings> {
  const given = file === undefined ? {} : await environmentOf(context, file);
  const own = Object.entries(context.env).filter(([name, value]) => name.startsWith('KEYMETER_') && value);
  try {
    return readSettings({ ...given, ...Object.fromEntries(own), KEYMETER_STORES: 'cluster' });
  } catch (error) {
    if (!(error instanceof KeymeterError)) throw error;
    const hint = file === undefined ? '; or name a file with them, as npm run cluster writes it' : '';
    throw new CliError(EXIT.usage, `the servers of the cluster: ${error.message.replaceAll('\n', ' ')}${hint}`);
  }
}

async function environmentOf(context: CliContext, file: string): Promise<Record<string, string>> {
  const path = resolve(context.cwd, file);
  const parsed = serversSchema.safeParse(jsonOf(await read(path, file)));
  if (!parsed.success) {
    throw new CliError(EXIT.usage, `${file} names no kafka, redis and clickhouse, as addresses.json of a cluster does`);
  }
  const { kafka, redis, clickhouse, clickhousePasswordFile, clickhouseUser } = parsed.data;
  const servers = {
    KEYMETER_KAFKA_BROKERS: kafka,
    KEYMETER_REDIS_NODES: redis,
    KEYMETER_CLICKHOUSE_URL: clickhouse,
    ...(clickhouseUser === undefined ? {} : { KEYMETER_CLICKHOUSE_USER: clickhouseUser }),
  };
  if (clickhousePasswordFile === undefined) return servers;
  const password = await read(resolve(dirname(path), clickhousePasswordFile), clickhousePasswordFile);
  return { ...servers, KEYMETER_CLICKHOUSE_PASSWORD: password.trim() };
}

function read(path: string, name: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CliError(EXIT.usage, `cannot read ${name} (${error.code})`);
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
