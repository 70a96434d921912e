import { readFile, rename, writeFile } from 'node:fs/promises';
import { KeymeterError } from '#domain/errors.js';
import { SpoolProgress } from '#ports/spool-progress.js';

/** One small file, replaced as a whole; not flushed, because an older value only sends again what is recognised. */
export class SpoolProgressFile extends SpoolProgress {
  constructor(private readonly path: string) {
    super();
  }

  async load(): Promise<number> {
    const text = await readFile(this.path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '0';
      throw error;
    });
    const next = Number(text);
    // A file torn by a power loss: from the beginning, since what is sent again is recognised.
    return Number.isSafeInteger(next) && next >= 0 ? next : 0;
  }

  async save(next: number): Promise<void> {
    try {
      await writeFile(`${this.path}.new`, String(next));
      await rename(`${this.path}.new`, this.path);
    } catch (cause) {
      const detail = `The spool's progress cannot be written to ${this.path}.`;
      throw new KeymeterError('DISK_FULL', detail, { retryable: true, cause });
    }
  }
}
