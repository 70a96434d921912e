/**
 * Asks what became of stored events. Nothing here can fail an import, since they are stored: what nobody can tell is
 * undecided.
 */
import type { CliContext } from '../command.js';
import { CliError } from '../exit-code.js';
import type { ApiClient, ApiResponse } from '../http/api-client.js';
import { type BatchOutcome, countedOutcome, type StoredEvents, undecidedOutcome } from './batch-outcome.js';
import { isTransient, retryPauseMs } from './retry-pause.js';

const MAX_FAILURES = 10;
/** A server that decides nothing for so long will not do so while somebody watches. */
const PATIENCE_MS = 10 * 60_000;

export class OutcomeReader {
  #hurried = false;
  #gaveUp = false;

  constructor(
    private readonly api: ApiClient,
    private readonly context: CliContext,
    private readonly notice: (text: string) => void,
  ) {}

  /** From now on every question is asked at most once, and none after the first that has no answer yet. */
  hurry(): void {
    this.#hurried = true;
  }

  /** Asks until it is decided; undecided where the server has forgotten it, or nothing is asked any more. */
  async outcomeOf({ path, count }: StoredEvents): Promise<BatchOutcome> {
    const startedAt = this.context.clock.monotonic();
    for (let attempt = 1, failures = 0; !this.#gaveUp; attempt++) {
      const response = await this.#ask(path);
      if (response?.status === 200) return countedOutcome(response.body, count);
      if (response?.status === 404) break;
      if (response?.status !== 202) failures++;
      const patient = this.context.clock.monotonic() - startedAt < PATIENCE_MS && failures < MAX_FAILURES;
      if (!patient || !mayChange(response)) this.#giveUp(response);
      else if (this.#hurried || this.context.interrupt.aborted) this.#gaveUp = true;
      else await this.#pause(response?.status === 202 ? 1 : attempt, response);
    }
    return undecidedOutcome(count);
  }

  /** Undefined where there was no answer. */
  async #ask(path: string): Promise<ApiResponse | undefined> {
    try {
      return await this.api.send('GET', path);
    } catch (error) {
      if (error instanceof CliError) return undefined;
      throw error;
    }
  }

  #pause(attempt: number, response: ApiResponse | undefined): Promise<void> {
    const retryAfter = response?.headers.get('retry-after') ?? null;
    return this.context.sleep(retryPauseMs(attempt, retryAfter, this.context.random()));
  }

  #giveUp(response: ApiResponse | undefined): void {
    this.#gaveUp = true;
    const why = response === undefined ? 'does not answer' : `answers ${response.status}`;
    this.notice(`the server ${why} when asked what became of stored events; they are shown as not yet decided`);
  }
}

function mayChange(response: ApiResponse | undefined): boolean {
  return response === undefined || response.status === 202 || isTransient(response.status);
}
