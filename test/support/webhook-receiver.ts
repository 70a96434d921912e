/** Somebody else's endpoint, who verifies as the public package does. */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { Clock } from '#ports/clock.js';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly at: number;
}

/** A status, one with headers, or an answer of its own; undefined: never answers. */
type Reply = number | [number, Record<string, string>] | ((response: ServerResponse) => void) | undefined;

export class WebhookReceiver {
  readonly received: Received[] = [];
  /** For the next request that has none of its own. */
  reply: Reply = 204;

  private constructor(private readonly server: Server) {}

  static async open(clock: Pick<Clock, 'now'> = Date): Promise<WebhookReceiver> {
    const server = createServer();
    const receiver = new WebhookReceiver(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        receiver.received.push({
          method,
          path: url,
          headers,
          body: Buffer.concat(chunks).toString(),
          at: clock.now(),
        });
        receiver.#answer(response);
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return receiver;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  /** Ids of all messages, repeats too. */
  get ids(): unknown[] {
    return this.received.map(({ headers }) => headers['webhook-id']);
  }

  /** The message; throws where no signature is by this secret, or the time stamp is not of now. */
  // biome-ignore lint/suspicious/noExplicitAny: messages of every shape
  verified({ headers, body, at }: Received, secret: string): any {
    const { now } = Date;
    Date.now = () => at; // the package has no other way to be told the time of a ManualClock
    try {
      return new Webhook(secret).verify(body, headers as Record<string, string>);
    } finally {
      Date.now = now;
    }
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  #answer(response: ServerResponse): void {
    const { reply } = this;
    if (typeof reply === 'function') reply(response);
    else if (typeof reply === 'number') response.writeHead(reply).end();
    else if (reply) response.writeHead(...reply).end();
  }
}
