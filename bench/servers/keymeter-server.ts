/** keymeter as it ships, on a fresh data folder, and the calls a bench needs to set it up. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NPM_START } from '../../test/support/npm-start.js';
import { ServerProcess } from './server-process.js';

const PROGRAMS = fileURLToPath(new URL('../../run/', import.meta.url));
const QUIET_WITHIN_MS = 300_000;

export interface KeymeterOptions {
  readonly cpu?: number;
  readonly app?: 'standalone' | 'ingress';
  /** Settings beyond those of the bench. */
  readonly env?: Readonly<Record<string, string>>;
}

export class KeymeterServer {
  readonly rootKey = 'root-key-of-the-bench-0123456789';

  private constructor(readonly process: ServerProcess) {}

  static async start(
    folder: string,
    { cpu, app = 'standalone', env: own = {} }: KeymeterOptions = {},
  ): Promise<KeymeterServer> {
    const rootKey = 'root-key-of-the-bench-0123456789';
    const env = {
      ...NPM_START.env,
      KEYMETER_PORT: '0',
      KEYMETER_DATA_DIR: join(folder, 'data'),
      KEYMETER_ROOT_KEY: rootKey,
      ...own,
    };
    const main = join(PROGRAMS, `${app}.js`);
    return new KeymeterServer(await ServerProcess.start(main, { cpu, env, flags: NPM_START.flags }, '/health/ready'));
  }

  get url(): string {
    return this.process.url;
  }

  async call(method: string, path: string, body?: string, contentType = 'application/json'): Promise<Response> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.rootKey}`, accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = contentType;
    const answer = await fetch(this.url + path, { method, headers, body });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  async operation<T>(name: string, input: unknown): Promise<T> {
    const answer = await this.call('POST', `/v2/${name}`, JSON.stringify(input));
    return ((await answer.json()) as { data: T }).data;
  }

  async createApi(): Promise<string> {
    return (await this.operation<{ apiId: string }>('apis.createApi', { name: 'bench' })).apiId;
  }

  createKey(input: object): Promise<{ key: string; keyId: string }> {
    return this.operation('keys.createKey', input);
  }

  async metric(name: string): Promise<number> {
    const text = await (await this.call('GET', '/metrics')).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  }

  /** Resolves with the seconds until everything accepted was counted; nothing is left to do but merges. */
  async drained(): Promise<number> {
    const start = performance.now();
    while ((await this.metric('keymeter_lag_records')) > 0) {
      if (performance.now() - start > QUIET_WITHIN_MS) throw new Error('the log is not consumed');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return (performance.now() - start) / 1_000;
  }

  stop(): Promise<void> {
    return this.process.stop();
  }
}
