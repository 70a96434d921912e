/** One running server and what the table's placeholders stand for. Reads the server only as a customer could. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Standalone, startStandalone } from '../support/standalone.js';
import { callHttp, type HttpCall } from './http-call.js';
import type { Observed } from './observed.js';
import type { Placeholders } from './placeholders.js';

const HOUR_MS = 3_600_000;
const CREDITS = 1_000_000;
const COUNTED_WITHIN_MS = 60_000;

export interface EventDocument {
  readonly event: { id: string; source: string; subject: string; time: string; data?: Record<string, unknown> };
}

export class Fixture {
  readonly placeholders: Record<string, string | (() => string)> = {};
  #markers = 0;

  private constructor(
    readonly root: string,
    readonly server: Standalone,
  ) {}

  static async open(root: string): Promise<Fixture> {
    const server = await startStandalone({ dataDir: join(root, 'data') });
    const fixture = new Fixture(root, server);
    await fixture.#fill();
    return fixture;
  }

  /** Undefined where the system does not tell. */
  residentBytes(): number | undefined {
    try {
      return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.server.pid}/status`, 'utf8'))?.[1]) * 1024;
    } catch {
      return undefined;
    }
  }

  /** With the root key and JSON unless the headers say otherwise; a header `null` is left out. */
  call({
    headers,
    ...call
  }: Omit<HttpCall, 'headers'> & { headers?: Record<string, string | null> }): Promise<Observed> {
    const preset = {
      Authorization: `Bearer ${this.server.rootKey}`,
      ...(call.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    };
    const all = Object.entries({ Accept: 'application/json', ...preset, ...headers });
    const sent = Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== null));
    return callHttp(this.server.url, { ...call, headers: sent });
  }

  /** The answer's document; throws unless the server took the call. */
  async read<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.call({ method, path, body: body === undefined ? undefined : JSON.stringify(body) });
    if (answer.status < 200 || answer.status > 299)
      throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return (answer.text === '' ? undefined : JSON.parse(answer.text)) as T;
  }

  async operation<T>(name: string, input: unknown): Promise<T> {
    return (await this.read<{ data: T }>('POST', `/v2/${name}`, input)).data;
  }

  async creditsOf(keyId: string): Promise<number> {
    const key = await this.operation<{ credits?: { remaining: number } }>('keys.getKey', { keyId });
    return key.credits?.remaining ?? Number.NaN;
  }

  async metric(name: string): Promise<number> {
    const { text } = await this.call({ method: 'GET', path: '/metrics' });
    const line = text.split('\n').find((it) => it.startsWith(`${name} `));
    if (line === undefined) throw new Error(`/metrics has no ${name}`);
    return Number(line.split(' ')[1]);
  }

  /** Resolves when everything accepted so far is counted. */
  async drained(): Promise<void> {
    const marker = {
      specversion: '1.0',
      id: `m${this.#markers++}`,
      source: 'bad-inputs/marker',
      type: 'marker',
      subject: 'm',
    };
    const headers = { 'Content-Type': 'application/cloudevents+json' };
    const { headers: answered } = await this.call({
      method: 'POST',
      path: '/api/v1/events',
      headers,
      body: JSON.stringify(marker),
    });
    const position = encodeURIComponent(String(answered['keymeter-position']));
    const deadline = performance.now() + COUNTED_WITHIN_MS;
    for (;;) {
      const answer = await this.call({ method: 'GET', path: `/api/v1/meters/requests/query?waitFor=${position}` });
      if (answer.status === 200) return;
      if (performance.now() > deadline) throw new Error(`not counted in time: ${answer.status} ${answer.text}`);
    }
  }

  /** The sum over all rows of a meter's answer. */
  async total(meter: string, query: string): Promise<number> {
    const answer = await this.read<{ data: { value: number }[] }>('GET', `/api/v1/meters/${meter}/query?${query}`);
    return answer.data.reduce((sum, row) => sum + row.value, 0);
  }

  /** Stored events that match, newest first, at most 100. */
  async events(filter: object): Promise<EventDocument[]> {
    const query = `limit=100&filter=${encodeURIComponent(JSON.stringify(filter))}`;
    return (await this.read<{ items: EventDocument[] }>('GET', `/api/v2/events?${query}`)).items;
  }

  async deadLetters(): Promise<{ reason: string; source: string; id: string }[]> {
    return (
      await this.read<{ items: { reason: string; source: string; id: string }[] }>(
        'GET',
        '/api/v1/dead-letters?limit=100',
      )
    ).items;
  }

  /** The plaintext behind a placeholder. */
  text(name: string): string {
    const value = this.placeholders[name];
    if (typeof value !== 'string') throw new Error(`the fixture has no text ${name}`);
    return value;
  }

  async #fill(): Promise<void> {
    const { apiId } = await this.operation<{ apiId: string }>('apis.createApi', { name: 'bad inputs' });
    const credits = { remaining: CREDITS };
    const usual = await this.#newKey({ apiId, prefix: 'sk', name: 'usual', credits });
    const spending = await this.#newKey({ apiId, prefix: 'sk', name: 'spending', credits });
    Object.assign(this.placeholders, {
      apiId,
      ...usual,
      keyWithCredits: spending.key,
      keyWithCreditsId: spending.keyId,
      keyWithWrongChecksum: withOtherEnd(usual.key),
      keyWithCyrillicS: usual.key.replace(/^s/, '\u0455'),
      rootKey: this.server.rootKey,
      rootKeyNoRights: await this.#newRootKey('meter.*.read_meter'),
      rootKeyOtherApi: await this.#newRootKey('api.api_other.verify_key'),
      meter: 'bad_input_requests',
      uuid: () => crypto.randomUUID(),
      now: () => new Date().toISOString(),
      hourAgo: () => new Date(Date.now() - HOUR_MS).toISOString(),
      inAnHour: () => new Date(Date.now() + HOUR_MS).toISOString(),
    } satisfies Placeholders);
    const groupBy = { method: '$.method' };
    await this.read('POST', '/api/v1/meters', {
      slug: 'bad_input_requests',
      eventType: 'request',
      aggregation: 'COUNT',
      groupBy,
    });
    await this.read('POST', '/api/v1/meters', {
      slug: 'bad_input_tokens',
      eventType: 'request',
      aggregation: 'SUM',
      valueProperty: '$.tokens',
    });
  }

  #newKey(input: object): Promise<{ key: string; keyId: string }> {
    return this.operation('keys.createKey', input);
  }

  async #newRootKey(permission: string): Promise<string> {
    const input = { name: 'bad inputs', permissions: [permission] };
    return (await this.operation<{ key: string }>('rootKeys.createRootKey', input)).key;
  }
}

function withOtherEnd(key: string): string {
  return key.slice(0, -1) + (key.endsWith('a') ? 'b' : 'a');
}
