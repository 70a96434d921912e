/** Plain HTTP with honest outcomes: an answer counts only when it was read to its end. */
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

export interface CallOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly timeoutMs?: number;
}

export type CallResult =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Readonly<Record<string, string | string[] | undefined>>;
      readonly text: string;
    }
  /** `reached` is false when no connection was made: then nothing was sent. */
  | { readonly kind: 'lost'; readonly reached: boolean; readonly reason: string; readonly status?: number };

const TIMEOUT_MS = 30_000;
const REPEATED_FOR_MS = 60_000;
const REPEATED_AFTER_MS = 1_000;

export class HttpCaller {
  /** One agent per life of the server: connections of the last life are gone. */
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });

  constructor(
    readonly url: string,
    private readonly rootKey: string,
    private readonly timeoutMs = TIMEOUT_MS,
  ) {}

  call(
    path: string,
    { method = 'GET', headers = {}, body, timeoutMs = this.timeoutMs }: CallOptions = {},
  ): Promise<CallResult> {
    return new Promise((resolve) => {
      let reached = false;
      const lost = (error: Error, status?: number) =>
        resolve({ kind: 'lost', reached, status, reason: (error as NodeJS.ErrnoException).code ?? error.message });
      const outgoing = request(`${this.url}${path}`, {
        method,
        agent: this.#agent,
        timeout: timeoutMs,
        // Node states no length by itself for a DELETE.
        headers: { authorization: `Bearer ${this.rootKey}`, ...lengthOf(body), ...headers },
      });
      outgoing.on('socket', (socket) => {
        if (!socket.connecting) reached = true;
        else
          socket.once('connect', () => {
            reached = true;
          });
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error('timeout')));
      outgoing.on('error', (error) => lost(error));
      outgoing.on('response', (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', (error) => lost(error, answer.statusCode));
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if (!answer.complete) return lost(new Error('cut answer'), answer.statusCode);
          resolve({ kind: 'answer', status: answer.statusCode ?? 0, headers: answer.headers, text });
        });
      });
      outgoing.end(body);
    });
  }

  post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<CallResult> {
    const typed = { 'content-type': 'application/json', ...headers };
    return this.call(path, { method: 'POST', headers: typed, body: JSON.stringify(body) });
  }

  /**
   * For calls that must succeed: the parsed body; throws with the answer otherwise. What only reads is repeated while the
   * answer is 503, as that asks for; for a minute.
   */
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  async demand(method: string, path: string, body?: unknown): Promise<any> {
    const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const options = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
    const until = performance.now() + REPEATED_FOR_MS;
    let result = await this.call(path, options);
    while (method === 'GET' && result.status === 503 && performance.now() < until) {
      await pause(REPEATED_AFTER_MS);
      result = await this.call(path, options);
    }
    if (result.kind === 'lost') throw new Error(`${method} ${path}: ${result.reason}`);
    if (result.status >= 300) throw new Error(`${method} ${path}: ${result.status} ${result.text}`);
    return result.text === '' ? undefined : JSON.parse(result.text);
  }

  close(): void {
    this.#agent.destroy();
  }
}

function lengthOf(body: string | Buffer | undefined): Record<string, string> {
  return body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
}
