/** The bytes of a file or of standard input, decompressed where they are gzip (seen from the bytes, not the name). */
import { type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CliContext } from '../command.js';
import { CliError, EXIT } from '../exit-code.js';
import { gunzip } from './gunzip.js';

/** Small enough that a batch under way is not kept waiting while a chunk is decoded. */
const READ_BYTES = 64 * 1024;
const GZIP_MAGIC = [0x1f, 0x8b] as const;

export interface ChunkSource {
  /** Size of the file as stored; undefined for standard input. */
  readonly totalBytes: number | undefined;
  /** Bytes taken from the file or standard input so far. */
  readonly readBytes: number;
  /** Each chunk is valid until the next one is asked for. Throws BrokenInput after the last good chunk. */
  chunks(): AsyncGenerator<Uint8Array>;
  close(): Promise<void>;
}

export async function openChunks(file: string, context: CliContext): Promise<ChunkSource> {
  return file === '-' ? new StreamChunks(context) : FileChunks.open(file, resolve(context.cwd, file));
}

class FileChunks implements ChunkSource {
  readBytes = 0;

  private constructor(
    private readonly handle: FileHandle,
    readonly totalBytes: number,
  ) {}

  static async open(name: string, path: string): Promise<FileChunks> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, 'r');
      const found = await handle.stat();
      if (found.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
      return new FileChunks(handle, found.size);
    } catch (error) {
      await handle?.close();
      throw new CliError(EXIT.failed, `cannot read ${name}: ${openFailure((error as NodeJS.ErrnoException).code)}`);
    }
  }

  chunks(): AsyncGenerator<Uint8Array> {
    return decompressed(this.#stored());
  }

  async *#stored(): AsyncGenerator<Uint8Array> {
    const buffer = new Uint8Array(READ_BYTES);
    for (;;) {
      const { bytesRead } = await this.handle.read(buffer, 0, READ_BYTES, null);
      if (bytesRead === 0) return;
      this.readBytes += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

class StreamChunks implements ChunkSource {
  readonly totalBytes = undefined;
  readBytes = 0;

  constructor(private readonly context: CliContext) {}

  chunks(): AsyncGenerator<Uint8Array> {
    return decompressed(this.#stored());
  }

  async *#stored(): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.context.stdin) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      this.readBytes += bytes.length;
      yield bytes;
    }
  }

  async close(): Promise<void> {}
}

async function* decompressed(stored: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let first: Uint8Array = new Uint8Array(0);
  while (first.length < GZIP_MAGIC.length) {
    const next = await stored.next();
    if (next.done === true) break;
    first = Buffer.concat([first, next.value]);
  }
  const compressed = GZIP_MAGIC.every((byte, index) => first[index] === byte);
  const all = startingWith(first, stored);
  yield* compressed ? gunzip(all) : all;
}

async function* startingWith(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

function openFailure(code: string | undefined): string {
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not read it';
  if (code === 'EISDIR') return 'it is a directory';
  return `the system says ${code ?? 'no'}`;
}
