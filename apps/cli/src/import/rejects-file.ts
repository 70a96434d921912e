/**
 * The lines that are no events, one a line: number, tab, reason, tab, original bytes (without the line end, cut to
 * the line limit). The file appears with the first such line.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CliError, EXIT } from '../exit-code.js';
import { LineSplitter, MAX_LINE_BYTES } from './line-splitter.js';

const FLUSH_BYTES = 256 * 1024;
/** An entry holds a whole line and, before it, number and reason. */
const MAX_ENTRY_BYTES = MAX_LINE_BYTES + 8 * 1024;

export class RejectsFile {
  #handle: FileHandle | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #keepExisting = false;

  /** `fallback` is the directory to use where the file cannot be written at `path`; undefined path: keep nothing. */
  constructor(
    private path: string | undefined,
    private readonly fallback: string,
  ) {}

  get location(): string | undefined {
    return this.path;
  }

  add(number: number, reason: string, bytes: Uint8Array): void {
    if (this.path === undefined) return;
    const entry = Buffer.concat([Buffer.from(`${number}\t${oneLine(reason)}\t`), bytes, Buffer.from('\n')]);
    this.#waiting.push(entry);
    this.#waitingBytes += entry.length;
  }

  async flush(force = false): Promise<void> {
    if (this.path === undefined || this.#waitingBytes === 0 || (!force && this.#waitingBytes < FLUSH_BYTES)) return;
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#handle ??= await this.#open(this.path);
    await this.#handle.appendFile(bytes);
  }

  async close(): Promise<void> {
    await this.flush(true);
    await this.#handle?.close();
    this.#handle = undefined;
  }

  /**
   * Goes on with the file of an earlier run: keeps the entries up to `lastLine`, drops later ones. False, and nothing
   * changed, where it does not hold `expected` entries up to there.
   */
  async resume(lastLine: number, expected: number): Promise<boolean> {
    if (this.path === undefined) return true;
    const draft = `${this.path}.part`;
    const kept = await keepEntries(this.path, draft, lastLine);
    if (kept !== expected) {
      await rm(draft, { force: true });
      return kept === undefined && expected === 0;
    }
    await rename(draft, this.path);
    this.#keepExisting = true;
    return true;
  }

  async #open(path: string): Promise<FileHandle> {
    const flags = this.#keepExisting ? 'a' : 'w';
    try {
      return await open(path, flags);
    } catch {
      this.path = join(this.fallback, basename(path));
    }
    try {
      return await open(this.path, flags);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new CliError(
        EXIT.failed,
        `cannot save malformed lines in ${this.path} (${code}); name a file by --rejects`,
      );
    }
  }
}

/** The number of entries up to `lastLine`, copied to `draft`; undefined where there is no readable file. */
async function keepEntries(path: string, draft: string, lastLine: number): Promise<number | undefined> {
  const out = await open(draft, 'w').catch(() => undefined);
  if (out === undefined) return undefined;
  let kept = 0;
  let entries: Buffer[] = [];
  const splitter = new LineSplitter((bytes) => {
    const number = Number.parseInt(Buffer.from(bytes.subarray(0, 20)).toString('latin1'), 10);
    if (!(number <= lastLine)) return;
    kept++;
    entries.push(Buffer.concat([bytes, Buffer.from('\n')]));
  }, MAX_ENTRY_BYTES);
  try {
    for await (const chunk of createReadStream(path)) {
      splitter.push(chunk as Uint8Array);
      await out.appendFile(Buffer.concat(entries));
      entries = [];
    }
    return kept;
  } catch {
    return undefined;
  } finally {
    await out.close();
  }
}

function oneLine(reason: string): string {
  return reason.replace(/\s+/g, ' ').slice(0, 500);
}
