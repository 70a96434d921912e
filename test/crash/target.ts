import type { CallResult, HttpCaller } from './http-caller.js';
import type { Outcome } from './ledger.js';

/** The server that the load talks to: there, away, or given up. */
export class Target {
  #caller: HttpCaller | undefined;
  #waiting: (() => void)[] = [];
  #stopped = false;

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Undefined while there is no server. */
  get now(): HttpCaller | undefined {
    return this.#caller;
  }

  attach(caller: HttpCaller): void {
    this.#caller = caller;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  detach(): void {
    this.#caller?.close();
    this.#caller = undefined;
  }

  stop(): void {
    this.#stopped = true;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Waits while there is no server; undefined once the load is to end. */
  async caller(): Promise<HttpCaller | undefined> {
    while (!this.#caller && !this.#stopped) await new Promise<void>((wake) => this.#waiting.push(wake));
    return this.#stopped ? undefined : this.#caller;
  }
}

/** What a failed call means: a complete 4xx or 503 says that nothing was done. */
export function failureOf(result: CallResult): Extract<Outcome, { outcome: 'refused' | 'unknown' }> {
  if (result.kind === 'lost') {
    return { outcome: result.reached ? 'unknown' : 'refused', reason: result.reason };
  }
  const nothingDone = result.status === 503 || (result.status >= 400 && result.status < 500);
  return { outcome: nothingDone ? 'refused' : 'unknown', reason: `${result.status} ${result.text.slice(0, 300)}` };
}

export function isSuccess(result: CallResult): result is Extract<CallResult, { kind: 'answer' }> {
  return result.kind === 'answer' && result.status < 300;
}
