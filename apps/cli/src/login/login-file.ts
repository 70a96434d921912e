/** Where the server is and with which root key: flags, then environment, then the login file. */
import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { CliContext, Invocation } from '../command.js';
import { CliError, EXIT } from '../exit-code.js';

export const DEFAULT_URL = 'http://127.0.0.1:8080';
const OTHERS_MAY_READ = 0o077;

const loginSchema = z.object({ url: z.string().min(1), rootKey: z.string().min(1) });

export interface Login {
  /** Without a slash at the end. */
  readonly url: string;
  readonly rootKey: string | undefined;
}

export async function findLogin({ context, options }: Invocation): Promise<Login> {
  const { KEYMETER_URL: envUrl, KEYMETER_ROOT_KEY: envKey } = context.env;
  const url = options.text('url') ?? (envUrl || undefined);
  if (envKey) return { url: serverUrl(url ?? DEFAULT_URL), rootKey: envKey };
  const stored = await readLogin(context);
  const chosen = serverUrl(url ?? stored?.url ?? DEFAULT_URL);
  // A stored key goes to the server it was stored for and to no other.
  return { url: chosen, rootKey: stored?.url === chosen ? stored.rootKey : undefined };
}

export function serverUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new CliError(EXIT.usage, `the server must be an http or https URL without a user, not '${text}'`);
  }
  return (url.origin + url.pathname).replace(/\/+$/, '');
}

/** The directory of what keymeter keeps for a user. */
export function userDirectory(context: CliContext): string {
  return join(context.env.HOME || homedir(), '.keymeter');
}

export function loginPath(context: CliContext): string {
  return join(userDirectory(context), 'login.json');
}

async function readLogin(context: CliContext): Promise<z.infer<typeof loginSchema> | undefined> {
  const path = loginPath(context);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  if (process.platform !== 'win32' && (found.mode & OTHERS_MAY_READ) !== 0) {
    throw new CliError(EXIT.refused, `${path} can be read by others; run chmod 600 ${path}, or keymeter login again`);
  }
  try {
    return loginSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    throw new CliError(EXIT.refused, `${path} is no login file; run keymeter login again`);
  }
}

/** Replaces the login file in one step; it is never readable by others, not for a moment. */
export async function writeLogin(context: CliContext, url: string, rootKey: string): Promise<string> {
  const path = loginPath(context);
  const draft = `${path}.${process.pid}`;
  await mkdir(userDirectory(context), { recursive: true, mode: 0o700 });
  await writeFile(draft, `${JSON.stringify({ url, rootKey })}\n`, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, path);
  return path;
}
