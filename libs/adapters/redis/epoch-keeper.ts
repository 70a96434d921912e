import { randomBytes } from 'node:crypto';
import type { RunEpoch } from './epoch.js';
import type { EpochScriptName } from './epoch-scripts.js';

export type RunEpochScript = (name: EpochScriptName, args: readonly string[]) => Promise<unknown>;

export function newEpoch(): string {
  return randomBytes(12).toString('base64url');
}

/** Finds an epoch to believe in: the first one met, and later only one that follows upon it. */
export class EpochKeeper {
  constructor(
    private readonly epoch: RunEpoch,
    private readonly script: RunEpochScript,
    private readonly whenEmpty: 'begin' | 'rebuild',
  ) {}

  /** Nothing to do while an epoch is believed in. Throws STORE_UNAVAILABLE (retryable) when Redis is away. */
  async settle(): Promise<void> {
    const { id, loss } = this.epoch;
    if (id !== undefined && loss === undefined) return;
    const [stored, follows] = (await this.script('PEEK', [id ?? '', id ?? ''])) as [string, number];
    if (stored === '') await this.#empty(id);
    else if (id === undefined || follows === 1) this.epoch.adopt(stored);
  }

  async #empty(known: string | undefined): Promise<void> {
    if (known !== undefined || this.whenEmpty === 'rebuild') return this.epoch.lose('empty');
    const begun = (await this.script('BEGIN', ['', newEpoch()])) as string;
    if (begun === '') this.epoch.lose('empty');
    else this.epoch.adopt(begun);
  }
}
