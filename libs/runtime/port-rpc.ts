/**
 * Calls to a port that lives on another thread. Values are structured clones; a KeymeterError keeps its code.
 * One endpoint on each side of a MessagePort; both may serve and call.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import { type ErrorCode, KeymeterError } from '#domain/errors.js';

type Channel = MessagePort | Worker;
type Call = { call: number; port: string; method: string; args: unknown[] };
type Answer = { answer: number; value?: unknown; error?: { code?: ErrorCode; message: string; retryable: boolean } };

export class PortRpc {
  #last = 0;
  readonly #pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  readonly #served = new Map<string, object>();
  /** Calls for ports that are not served yet: a thread may be asked while it is still starting. */
  readonly #early = new Map<string, Call[]>();
  #closed: Error | undefined;

  constructor(private readonly channel: Channel) {
    channel.on('message', (message: Partial<Call & Answer>) => {
      if (message.call !== undefined) void this.#serve(message as Call);
      else if (message.answer !== undefined) this.#settle(message as Answer);
    });
  }

  /** Lets the other side call the methods of `target` under this name. */
  serve(port: string, target: object): void {
    this.#served.set(port, target);
    for (const call of this.#early.get(port) ?? []) void this.#serve(call);
    this.#early.delete(port);
  }

  /** Sends a call and returns its answer. Calls made after `fail` reject at once. */
  call(port: string, method: string, args: unknown[]): Promise<unknown> {
    if (this.#closed) return Promise.reject(this.#closed);
    return new Promise((resolve, reject) => {
      const call = ++this.#last;
      this.#pending.set(call, { resolve, reject });
      this.channel.postMessage({ call, port, method, args } satisfies Call);
    });
  }

  /** The other side is gone: rejects what waits and what comes. */
  fail(error: Error): void {
    this.#closed = error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  async #serve(request: Call): Promise<void> {
    const { call, port, method, args } = request;
    const target = this.#served.get(port) as Record<string, (...args: unknown[]) => unknown> | undefined;
    if (!target) {
      this.#early.set(port, [...(this.#early.get(port) ?? []), request]);
      return;
    }
    try {
      const value = await (target[method] as (...args: unknown[]) => unknown).apply(target, args);
      this.channel.postMessage({ answer: call, value } satisfies Answer);
    } catch (error) {
      this.channel.postMessage({ answer: call, error: describe(error) } satisfies Answer);
    }
  }

  #settle({ answer, value, error }: Answer): void {
    const waiting = this.#pending.get(answer);
    this.#pending.delete(answer);
    if (!error) waiting?.resolve(value);
    else if (error.code) waiting?.reject(new KeymeterError(error.code, error.message, { retryable: error.retryable }));
    else waiting?.reject(new Error(error.message));
  }
}

function describe(error: unknown): Answer['error'] {
  if (error instanceof KeymeterError) return { code: error.code, message: error.message, retryable: error.retryable };
  return { message: error instanceof Error ? `${error.message}\n${error.stack}` : String(error), retryable: false };
}
