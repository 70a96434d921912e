/** A small disk of its own for a folder, that can be filled to the last byte and freed again. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MiB = 1024 * 1024;
const SIZE_MIB = 96;
/** Settings of a process that lives on it. */
export const SMALL_DISK_ENV = {
  KEYMETER_DISK_RESERVE_BYTES: String(8 * MiB),
  KEYMETER_LOG_SEGMENT_BYTES: String(4 * MiB),
  KEYMETER_SPOOL_MAX_BYTES: String(64 * MiB),
};
export const SMALL_DISK_MISSING = 'mounting a tmpfs is not permitted';

/** Whether this process may mount one. */
export function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'keymeter-mount-'));
  const mounted = mount(folder);
  if (mounted) unmount(folder);
  rmdirSync(folder);
  return mounted;
}

export class SmallDisk {
  readonly #filler: string;

  private constructor(private readonly folder: string) {
    this.#filler = join(folder, 'filler');
    process.once('exit', () => unmount(folder));
  }

  /** Undefined where mounting is not permitted. */
  static at(folder: string): SmallDisk | undefined {
    mkdirSync(folder, { recursive: true });
    return mount(folder) ? new SmallDisk(folder) : undefined;
  }

  /** Bytes that others may write. */
  get free(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  /** Leaves so many bytes. */
  fill(leave: number): void {
    const chunk = Buffer.alloc(MiB);
    try {
      while (this.free > leave) appendFileSync(this.#filler, chunk.subarray(0, Math.min(MiB, this.free - leave)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error; // full is what it shall be
    }
  }

  clear(): void {
    rmSync(this.#filler, { force: true });
  }

  remove(): void {
    unmount(this.folder);
  }
}

function mount(folder: string): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MIB}m`, 'tmpfs', folder]).status === 0;
}

function unmount(folder: string): void {
  spawnSync('umount', ['-l', folder]);
}
