/** Where the servers are: options, then environment. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CliContext, Invocation } from '../command.js';
import { CliError, EXIT } from '../exit-code.js';
import { APPS, type App, oneServer, parseServers, type Servers, serverUrl, serverUrls } from './servers.js';

const VARIABLES: Readonly<Record<App, string>> = {
  ingress: 'KEYMETER_INGRESS_URL',
  query: 'KEYMETER_QUERY_URL',
  policy: 'KEYMETER_POLICY_URL',
};

/** Undefined where neither names any. */
export async function namedServers({ context, options }: Invocation): Promise<Servers | undefined> {
  const url = options.text('url');
  const file = options.text('cluster');
  if (url !== undefined && file !== undefined) throw new CliError(EXIT.usage, 'choose one of --url and --cluster');
  if (url !== undefined) return oneServer(serverUrl(url));
  if (file !== undefined) return readAddresses(context, file);
  const { KEYMETER_URL: envUrl, KEYMETER_CLUSTER: envFile } = context.env;
  const whole = envUrl ? oneServer(serverUrl(envUrl)) : envFile ? await readAddresses(context, envFile) : undefined;
  return byApp(context.env, whole);
}

/** An app's own variable goes before what stands for all; commas part several addresses. */
function byApp(env: CliContext['env'], whole: Servers | undefined): Servers | undefined {
  const own = APPS.filter((app) => env[VARIABLES[app]]);
  if (own.length === 0) return whole;
  const missing = APPS.find((app) => !env[VARIABLES[app]]);
  if (whole === undefined && missing !== undefined) {
    const named = own.map((app) => VARIABLES[app]).join(', ');
    throw new CliError(
      EXIT.usage,
      `${VARIABLES[missing]} is missing beside ${named}; set it, or KEYMETER_URL for the rest`,
    );
  }
  const of = (app: App) => {
    const text = env[VARIABLES[app]];
    return text ? serverUrls(text.split(',').map((part) => part.trim())) : (whole as Servers)[app];
  };
  return { ingress: of('ingress'), query: of('query'), policy: of('policy'), consumer: whole?.consumer ?? [] };
}

async function readAddresses(context: CliContext, file: string): Promise<Servers> {
  const text = await readFile(resolve(context.cwd, file), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CliError(EXIT.usage, `cannot read ${file} (${error.code}); npm run cluster writes it as addresses.json`);
  });
  const servers = parseServers(jsonOf(text));
  if (servers !== undefined) return servers;
  throw new CliError(
    EXIT.usage,
    `${file} names no ingress, query and policy addresses, as addresses.json of a cluster does`,
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
