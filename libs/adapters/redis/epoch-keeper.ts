import type { RunEpoch } from './epoch.js';
import { firstEpochId } from './epoch-id.js';
import type { EpochScriptName } from './epoch-scripts.js';

export type RunEpochScript = (name: EpochScriptName, args: readonly string[]) => Promise<unknown>;

/** Finds an epoch to believe in: the first one met; later the same again, or one that follows upon it. */
export class EpochKeeper {
  constructor(
    private readonly epoch: RunEpoch,
    private readonly script: RunEpochScript,
    private readonly whenEmpty: 'begin' | 'rebuild',
    private readonly installation: string,
  ) {}

  /** Nothing to do while an epoch is believed in. Throws STORE_UNAVAILABLE (retryable) when Redis is away. */
  async settle(): Promise<void> {
    const { id = '', loss, history } = this.epoch;
    if (id !== '' && loss === undefined) return;
    const [stored, follows, stands] = (await this.script('PEEK', [id, ...history])) as [string, number, number];
    if (stored === '') await this.#empty(id);
    else if (id === '' || follows === 1) this.epoch.adopt(stored);
    else if (stored === id && stands === 1) this.epoch.recover(); // another server was asked for a while
  }

  async #empty(known: string): Promise<void> {
    if (known !== '' || this.whenEmpty === 'rebuild') return this.epoch.lose('empty');
    const begun = (await this.script('BEGIN', ['', firstEpochId(this.installation)])) as string;
    if (begun === '') this.epoch.lose('empty');
    else this.epoch.adopt(begun);
  }
}
