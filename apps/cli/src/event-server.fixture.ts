/** A small real HTTP server that speaks the protocol the command line needs: tests see what truly went over the wire. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const ROOT_KEY = 'root_test_0123456789';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface CannedAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

type Answer = CannedAnswer | 'drop';

interface IngestedEvent {
  id: string;
  source: string;
  subject: string;
  [name: string]: unknown;
}

export class EventServer {
  readonly requests: SeenRequest[] = [];
  /** By source and id, as the server would count them. */
  readonly events = new Map<string, IngestedEvent>();
  /** Answers given instead of the next ones to POST /api/v1/events, in order. 'drop' closes the connection. */
  readonly script: (CannedAnswer | 'drop' | 'drop after storing')[] = [];
  /** Answers of other routes, by `METHOD path`. */
  readonly routes = new Map<string, CannedAnswer>();
  /** The reason why an event is invalid, or undefined. */
  invalid: (event: IngestedEvent) => string | undefined = () => undefined;
  /** Called before each batch is answered. */
  onBatch: () => void = () => undefined;
  maxEvents = 10_000;
  /** False: as a server that does not know respond-async. */
  respondsAsync = true;
  /** Called before each question for an outcome, which waits for it; an answer of its own goes out instead. */
  onOutcome: (path: string) => Answer | undefined | Promise<Answer | undefined> = () => undefined;
  readonly #outcomes = new Map<string, object>();
  readonly #server: Server = createServer((request, response) => this.#receive(request, response));
  #conflicts = 0;

  static async start(): Promise<EventServer> {
    const started = new EventServer();
    await new Promise<void>((resolve) => started.#server.listen(0, '127.0.0.1', resolve));
    return started;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get conflicts(): number {
    return this.#conflicts;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const seen = {
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    };
    this.requests.push(seen);
    const answer = await this.#answer(seen);
    if (answer === 'drop') {
      request.socket.destroy();
      return;
    }
    const type = answer.status >= 400 ? 'application/problem+json' : 'application/json';
    response.writeHead(answer.status, { 'Content-Type': type, ...answer.headers });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}));
  }

  async #answer(seen: SeenRequest): Promise<Answer> {
    if (seen.url.startsWith('/api/') && seen.headers.authorization !== `Bearer ${ROOT_KEY}`) {
      return { status: 401, body: { status: 401, title: 'Unauthorized', detail: 'the root key is not known' } };
    }
    const [path = ''] = seen.url.split('?');
    const route = this.routes.get(`${seen.method} ${path}`);
    if (route !== undefined) return route;
    if (this.#outcomes.has(path))
      return (await this.onOutcome(path)) ?? { status: 200, body: this.#outcomes.get(path) };
    if (seen.method !== 'POST' || path !== '/api/v1/events') {
      return { status: 404, body: { title: 'Not Found', status: 404, detail: `not found error: ${path}` } };
    }
    this.onBatch();
    const scripted = this.script.shift();
    if (scripted === 'drop after storing') this.#ingest(seen);
    if (scripted === 'drop' || scripted === 'drop after storing') return 'drop';
    return scripted ?? this.#ingest(seen);
  }

  #ingest({ body, headers }: SeenRequest): CannedAnswer {
    const batch: IngestedEvent[] = JSON.parse(body);
    if (batch.length > this.maxEvents) return { status: 413, body: { title: 'Payload Too Large', status: 413 } };
    const validationErrors = batch.flatMap((event, index) => {
      const message = this.invalid(event);
      return message === undefined ? [] : [{ index, code: 'invalid', message }];
    });
    if (validationErrors.length > 0) {
      return { status: 400, body: { title: 'Bad Request', status: 400, extensions: { validationErrors } } };
    }
    const counts = { accepted: 0, duplicate: 0, conflict: 0 };
    for (const event of batch) counts[this.#count(event)]++;
    const position = { 'KeyMeter-Position': `0:${this.events.size}` };
    if (!this.respondsAsync || !headers.prefer?.includes('respond-async')) {
      return { status: 200, body: counts, headers: position };
    }
    const path = `/api/v1/events/outcomes/0/${this.#outcomes.size}`;
    this.#outcomes.set(path, { ...counts, undecodable: 0 });
    return { status: 202, body: '', headers: { ...position, Location: path } };
  }

  #count(event: IngestedEvent): 'accepted' | 'duplicate' | 'conflict' {
    const key = `${event.source}\n${event.id}`;
    const known = this.events.get(key);
    if (known === undefined) {
      this.events.set(key, event);
      return 'accepted';
    }
    if (JSON.stringify(known) === JSON.stringify(event)) return 'duplicate';
    this.#conflicts++;
    return 'conflict';
  }
}
