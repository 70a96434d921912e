/** Sends a request as it is written: no client library that would repair the path, the headers or the body. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Observed } from './observed.js';

export interface HttpCall {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

const GIVE_UP_MS = 40_000;

export function callHttp(baseUrl: string, call: HttpCall): Promise<Observed> {
  const { hostname, port } = new URL(baseUrl);
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      hostname,
      port,
      agent: false,
      method: call.method,
      path: call.path,
      headers: headersOf(call),
    });
    let answered = false;
    request.setTimeout(GIVE_UP_MS, () => request.destroy(new Error(`no answer to ${call.method} ${call.path}`)));
    // A server may refuse a body before all of it is written: then the answer counts, not the broken pipe.
    request.on('error', (error) => setTimeout(() => answered || reject(error), 200));
    request.on('response', (response) => {
      answered = true;
      readAnswer(response, start).then(resolve, reject);
    });
    request.end(call.body);
  });
}

function headersOf({ headers = {}, body }: HttpCall): Record<string, string> {
  return body === undefined ? { ...headers } : { ...headers, 'Content-Length': String(Buffer.byteLength(body)) };
}

async function readAnswer(response: IncomingMessage, start: number): Promise<Observed> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const headers = Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)]));
  const text = Buffer.concat(chunks).toString('utf8');
  return { status: response.statusCode ?? 0, headers, text, tookMs: performance.now() - start };
}
