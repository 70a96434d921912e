import { KeymeterError } from '#domain/errors.js';

/** Why a node does not believe what Redis holds. */
export type EpochLoss = 'empty' | 'exchanged' | 'older copy';

const LOSS: Record<EpochLoss, string> = {
  empty: 'Redis has lost its data',
  exchanged: 'Redis holds the data of another run',
  'older copy': 'Redis holds an older copy of its data',
};

/** Which run of the store this node believes in; while it believes in none, nothing is answered. */
export class RunEpoch {
  #id: string | undefined;
  #loss: EpochLoss | undefined;
  #newest = 0;
  #token = '';

  get id(): string | undefined {
    return this.#id;
  }

  get loss(): EpochLoss | undefined {
    return this.#loss;
  }

  /** The epoch to ask with. Throws STORE_UNAVAILABLE (retryable), caused by EPOCH_LOST when it is lost. */
  believed(): string {
    if (this.#loss !== undefined) throw epochLost(this.#loss);
    if (this.#id !== undefined) return this.#id;
    throw new KeymeterError('STORE_UNAVAILABLE', 'Redis was not reached yet', { retryable: true });
  }

  /** The newest change known to have been made, for the scripts to check. */
  get history(): readonly [sequence: string, token: string] {
    return this.#token === '' ? ['', ''] : [String(this.#newest), this.#token];
  }

  /** Of the epoch that was asked: an answer may come after a new one was begun. */
  learn(epoch: string | undefined, sequence: number, token: string): void {
    if (epoch !== this.#id || sequence <= this.#newest || token === '') return;
    this.#newest = sequence;
    this.#token = token;
  }

  /** Redis holds again what it held. */
  recover(): void {
    this.#loss = undefined;
  }

  adopt(id: string): void {
    this.#newest = 0;
    this.#token = '';
    this.#id = id;
    this.#loss = undefined;
  }

  lose(loss: EpochLoss): void {
    this.#loss = loss;
  }
}

export function epochLost(loss: EpochLoss): KeymeterError {
  const cause = new KeymeterError('EPOCH_LOST', `${LOSS[loss]}: it must be rebuilt from the log of keys.`);
  return new KeymeterError('STORE_UNAVAILABLE', `${LOSS[loss]}; it is being rebuilt`, { retryable: true, cause });
}

/** Scripts answer with a status instead of their result when they are not to be believed. */
export function lossIn(reply: unknown): EpochLoss | undefined {
  if (typeof reply !== 'string') return undefined;
  if (reply === 'HISTORYLOST') return 'older copy';
  if (!reply.startsWith('EPOCHLOST')) return undefined;
  return reply.length > 'EPOCHLOST '.length ? 'exchanged' : 'empty';
}
