/**
 * How far an import has been acknowledged, in ~/.keymeter/imports: saves sending lines again. Safe to lose, since the
 * lines' ids stay the same, and never trusted alone: the file must hash to the same chain up to that line and the
 * server must know the last acknowledged event.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { CliContext } from '../command.js';
import { userDirectory } from '../login/login-file.js';
import { LINE_FORMATS } from './line-format.js';

const word = z.number().int().min(0).max(0xffffffff);

const importStateSchema = z.object({
  version: z.literal(1),
  chain: z.object({ line: z.number().int().min(1), high: word, low: word }),
  /** The last acknowledged line that was sent as an event. */
  provenLine: z.number().int().min(1),
  /** As seen from the lines, so that the rest is read the same way. */
  format: z.enum(LINE_FORMATS),
  /** Lines up to chain.line that stand in the rejects file. */
  rejected: z.number().int().min(0),
});

export type ImportState = z.infer<typeof importStateSchema>;

export class ImportStateFile {
  readonly #directory: string;
  readonly #path: string;

  /** `identity` is all that decides what is sent where: server, file, source, format and mapping. */
  constructor(context: CliContext, identity: readonly string[]) {
    this.#directory = join(userDirectory(context), 'imports');
    const name = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
    this.#path = join(this.#directory, `${name}.json`);
  }

  /** Undefined where there is none that can be read: the import then starts from the first line. */
  async load(): Promise<ImportState | undefined> {
    const text = await readFile(this.#path, 'utf8').catch(() => '');
    try {
      return importStateSchema.parse(JSON.parse(text));
    } catch {
      return undefined;
    }
  }

  /** False where it cannot be written. */
  async save(state: ImportState): Promise<boolean> {
    const draft = `${this.#path}.${process.pid}`;
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      await writeFile(draft, `${JSON.stringify(state)}\n`, { mode: 0o600 });
      await rename(draft, this.#path);
      return true;
    } catch {
      return false;
    }
  }
}
