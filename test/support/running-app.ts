import type { NestFastifyApplication } from '@nestjs/platform-fastify';

export interface Answer {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  json(): any;
}

export interface Call {
  readonly method: string;
  readonly url: string;
  /** A string goes out as it is, anything else as JSON. */
  readonly payload?: unknown;
  readonly headers?: Record<string, string>;
}

export interface RunningApp {
  readonly baseUrl: string;
  inject(call: Call): Promise<Answer>;
  close(): Promise<void>;
}

/** The application on a free port of the loopback interface: calls take the same way as a customer's. */
export async function runApp(app: NestFastifyApplication): Promise<RunningApp> {
  await app.listen(0, '127.0.0.1');
  const baseUrl = await app.getUrl();
  return {
    baseUrl,
    close: () => app.close(),
    async inject({ method, url, payload, headers = {} }) {
      const body = payload === undefined || typeof payload === 'string' ? payload : JSON.stringify(payload);
      const typed = body === undefined ? headers : { 'content-type': 'application/json', ...headers };
      const response = await fetch(baseUrl + url, { method, body: body as string, headers: typed });
      const text = await response.text();
      return {
        statusCode: response.status,
        headers: Object.fromEntries(response.headers),
        body: text,
        json: () => JSON.parse(text),
      };
    },
  };
}
