/**
 * POST over a connection of its own. The name is resolved here, its addresses are looked at, and one of these very
 * addresses is connected to: what the name resolves to a moment later does not matter.
 */
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isPublicAddress } from '#domain/webhooks/public-address.js';
import type { WebhookAnswer, WebhookFailure } from '#domain/webhooks/webhook-delivery.js';
import { parseRetryAfter } from '#domain/webhooks/webhook-schedule.js';
import { literalAddress, webhookUrlFault } from '#domain/webhooks/webhook-url.js';
import type { Clock } from '#ports/clock.js';
import { type WebhookRequest, WebhookTransport } from '#ports/webhook-transport.js';

type Resolve = (host: string, done: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void) => void;

export interface HttpWebhookTransportOptions {
  readonly allowsHttp: boolean;
  readonly allowsPrivateAddresses: boolean;
  /** Of the whole exchange. */
  readonly timeoutMs?: number;
  readonly resolve?: Resolve;
}

const TIMEOUT_MS = 15_000;
/** What an endpoint answers is not looked at; so much of it is taken, that the connection may end well. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;
const PRIVATE_ADDRESS = 'EPRIVATEADDRESS';

export class HttpWebhookTransport extends WebhookTransport {
  readonly #resolve: Resolve;
  readonly #underWay = new Set<ClientRequest>();

  constructor(
    private readonly clock: Clock,
    private readonly options: HttpWebhookTransportOptions,
  ) {
    super();
    this.#resolve = options.resolve ?? ((host, done) => lookup(host, { all: true }, done));
  }

  post({ url: text, headers, body }: WebhookRequest): Promise<WebhookAnswer> {
    // The rules may have become stricter since the URL was stored.
    if (webhookUrlFault(text, this.options) !== undefined) return Promise.resolve({ failure: 'not_allowed' });
    const url = new URL(text);
    const bytes = Buffer.from(body);
    return new Promise((resolve) => {
      const options = this.#requestOptions(url, { ...headers, 'content-length': String(bytes.length) });
      const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options);
      const timer = setTimeout(() => request.destroy(errorOf('ETIMEDOUT')), this.options.timeoutMs ?? TIMEOUT_MS);
      const settle = (answer: WebhookAnswer) => {
        clearTimeout(timer);
        this.#underWay.delete(request);
        resolve(answer);
      };
      request.on('error', (error: NodeJS.ErrnoException) => settle({ failure: failureOf(error) }));
      request.on('response', (response) => {
        const answer = this.#answerOf(response);
        drain(request, response, () => settle(answer));
      });
      this.#underWay.add(request);
      request.end(bytes);
    });
  }

  close(): void {
    for (const request of this.#underWay) request.destroy(errorOf('ECLOSED'));
  }

  #requestOptions(url: URL, headers: Record<string, string>): RequestOptions {
    return {
      method: 'POST',
      agent: false, // a connection of its own, to the address that was looked at
      maxHeaderSize: MAX_HEADER_BYTES,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'keymeter',
        connection: 'close',
        ...headers,
      },
      lookup: literalAddress(url) === undefined ? this.#lookup : undefined,
    };
  }

  /** One address that is not allowed spoils the name: an attacker would just have to answer often enough. */
  readonly #lookup = (
    host: string,
    { all }: LookupOptions,
    done: (error: NodeJS.ErrnoException | null, found: string | LookupAddress[], family?: number) => void,
  ): void => {
    this.#resolve(host, (error, found) => {
      const isRefused = !this.options.allowsPrivateAddresses && found?.some(({ address }) => !isPublicAddress(address));
      const [first] = found ?? [];
      if (error || first === undefined) done(error ?? errorOf('ENOTFOUND'), []);
      else if (isRefused) done(errorOf(PRIVATE_ADDRESS), []);
      else if (all) done(null, found);
      else done(null, first.address, first.family);
    });
  };

  #answerOf({ statusCode = 0, headers }: IncomingMessage): WebhookAnswer {
    const retryAfterMs = parseRetryAfter(headers['retry-after'], this.clock.now());
    return retryAfterMs === undefined ? { status: statusCode } : { status: statusCode, retryAfterMs };
  }
}

/** The status has come: what happens to the rest of the answer changes nothing. */
function drain(request: ClientRequest, response: IncomingMessage, done: () => void): void {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) request.destroy();
  });
  response.on('error', () => undefined);
  response.on('close', done);
}

function errorOf(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

function failureOf({ code = '' }: NodeJS.ErrnoException): WebhookFailure {
  if (code === PRIVATE_ADDRESS) return 'not_allowed';
  if (code === 'ETIMEDOUT') return 'timeout';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'unknown_host';
  if (code.startsWith('HPE_')) return 'no_http';
  return /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code) ? 'tls' : 'unreachable';
}
