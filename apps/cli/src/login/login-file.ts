/** Where the server is and with which root key: flags, then environment, then the login file. */
import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { CliContext, Invocation } from '../command.js';
import { CliError, EXIT } from '../exit-code.js';
import { namedServers } from './find-servers.js';
import { oneServer, parseServers, type Servers, serverUrl } from './servers.js';

export const DEFAULT_URL = 'http://127.0.0.1:8080';
const OTHERS_MAY_READ = 0o077;

const loginSchema = z.object({
  url: z.string().min(1).optional(),
  servers: z.unknown().optional(),
  rootKey: z.string().min(1),
});

export interface Login {
  readonly servers: Servers;
  readonly rootKey: string | undefined;
}

export async function findLogin(invocation: Invocation): Promise<Login> {
  const { context } = invocation;
  const named = await namedServers(invocation);
  const envKey = context.env.KEYMETER_ROOT_KEY;
  if (envKey) return { servers: named ?? oneServer(DEFAULT_URL), rootKey: envKey };
  const stored = await readLogin(context);
  const servers = named ?? stored?.servers ?? oneServer(DEFAULT_URL);
  // A stored key goes to the servers it was stored for and to no other.
  const isSame = JSON.stringify(stored?.servers) === JSON.stringify(servers);
  return { servers, rootKey: isSame ? stored?.rootKey : undefined };
}

/** The directory of what keymeter keeps for a user. */
export function userDirectory(context: CliContext): string {
  return join(context.env.HOME || homedir(), '.keymeter');
}

export function loginPath(context: CliContext): string {
  return join(userDirectory(context), 'login.json');
}

async function readLogin(context: CliContext): Promise<{ servers: Servers; rootKey: string } | undefined> {
  const path = loginPath(context);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  if (process.platform !== 'win32' && (found.mode & OTHERS_MAY_READ) !== 0) {
    throw new CliError(EXIT.refused, `${path} can be read by others; run chmod 600 ${path}, or keymeter login again`);
  }
  try {
    const stored = loginSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    const servers = stored.url === undefined ? parseServers(stored.servers) : oneServer(serverUrl(stored.url));
    if (servers !== undefined) return { servers, rootKey: stored.rootKey };
  } catch {
    // Told below, as is a file without servers.
  }
  throw new CliError(EXIT.refused, `${path} is no login file; run keymeter login again`);
}

/** Replaces the login file in one step; it is never readable by others, not for a moment. */
export async function writeLogin(context: CliContext, servers: Servers, rootKey: string): Promise<string> {
  const path = loginPath(context);
  const draft = `${path}.${process.pid}`;
  await mkdir(userDirectory(context), { recursive: true, mode: 0o700 });
  await writeFile(draft, `${JSON.stringify({ servers, rootKey })}\n`, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, path);
  return path;
}
