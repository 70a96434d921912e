/**
 * The data folder belongs to one process at a time. The lock is a local socket inside it: the system closes it with
 * the process, however that ends, and a second process that can connect to it knows that the first one lives.
 */
import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { KeymeterError } from '#domain/errors.js';

const FORMAT = 1;
const MAX_SOCKET_PATH = 100; // sun_path has 108 bytes on Linux, 104 on macOS

export interface DataFolder {
  readonly path: string;
  join(...parts: string[]): string;
  release(): void;
}

export async function openDataFolder(configured: string): Promise<DataFolder> {
  const path = makeFolder(resolve(configured));
  const lock = await takeLock(path);
  try {
    checkFormat(path);
  } catch (error) {
    lock.close();
    throw error;
  }
  return { path, join: (...parts) => join(path, ...parts), release: () => lock.close() };
}

/** Whether a process has the folder now; changes nothing, also where there is no such folder. */
export function isFolderInUse(path: string): Promise<boolean> {
  return isAnswered(socketPath(path));
}

function makeFolder(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.W_OK);
    return realpathSync(path);
  } catch (cause) {
    throw new KeymeterError(
      'DATA_DIR_UNWRITABLE',
      `The data folder ${path} cannot be written; choose another one with KEYMETER_DATA_DIR.`,
      { cause },
    );
  }
}

function checkFormat(path: string): void {
  const file = join(path, 'format.json');
  let format = FORMAT;
  try {
    format = (JSON.parse(readFileSync(file, 'utf8')) as { format: number }).format;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    writeFileSync(file, JSON.stringify({ format: FORMAT }), { flush: true });
  }
  if (format > FORMAT) {
    throw new KeymeterError(
      'FORMAT_TOO_NEW',
      `The data folder ${path} has format ${format}; this version reads up to ${FORMAT}. Start the newer version, nothing was changed.`,
    );
  }
}

async function takeLock(path: string): Promise<Server> {
  const socket = socketPath(path);
  if (await isAnswered(socket)) {
    throw new KeymeterError(
      'DATA_DIR_IN_USE',
      `The data folder ${path} is in use by another keymeter process; stop it or choose another folder with KEYMETER_DATA_DIR.`,
    );
  }
  rmSync(socket, { force: true });
  const server = createServer((connection) => connection.destroy());
  await new Promise<void>((done, fail) => server.once('error', fail).listen(socket, done));
  server.unref();
  return server;
}

function socketPath(path: string): string {
  const inside = join(path, 'lock.sock');
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH) return inside;
  return join(tmpdir(), `keymeter-${createHash('sha256').update(path).digest('hex').slice(0, 16)}.sock`);
}

function isAnswered(socket: string): Promise<boolean> {
  return new Promise((done) => {
    const attempt = connect(socket, () => {
      attempt.destroy();
      done(true);
    });
    attempt.once('error', () => done(false));
  });
}
