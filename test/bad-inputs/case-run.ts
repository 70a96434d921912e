/** Carries one request of the table out, whichever way it goes in. */
import { join } from 'node:path';
import { launchStandalone, type Standalone } from '../support/standalone.js';
import type { BadRequest } from './bad-input.js';
import { callCli } from './cli-call.js';
import type { Fixture } from './fixture.js';
import type { Observed } from './observed.js';
import { fillText, type Placeholders } from './placeholders.js';
import { callRaw } from './raw-call.js';
import { buildRequest } from './request-body.js';

const RAW_WITHIN_MS = 10_000;
const START_WITHIN_MS = 60_000;

export class CaseRun {
  /** Servers that a START of this case has left running. */
  readonly started: Standalone[] = [];
  readonly folder: string;
  readonly placeholders: Placeholders;

  constructor(
    readonly fixture: Fixture,
    readonly name: string,
    private readonly withinMs = RAW_WITHIN_MS,
  ) {
    this.folder = join(fixture.root, name);
    this.placeholders = { ...fixture.placeholders, dataDir: join(this.folder, 'data') };
  }

  send(request: BadRequest): Promise<Observed> {
    const { path, body } = buildRequest(request, this.placeholders);
    switch (request.method) {
      case 'RAW':
        return callRaw(this.fixture.server.url, body ?? Buffer.alloc(0), this.withinMs);
      case 'CLI':
        return this.importFile(path, body);
      case 'START':
        return this.#start(request);
      default:
        return this.fixture.call({ method: request.method, path, headers: this.#headers(request), body });
    }
  }

  importFile(command: string, file: Buffer | undefined, folder = this.folder): Promise<Observed> {
    const { url, rootKey } = this.fixture.server;
    const env = { KEYMETER_URL: url, KEYMETER_ROOT_KEY: rootKey };
    return callCli({ folder, command, source: `bad-inputs/${this.name}`, file, env });
  }

  async close(): Promise<void> {
    for (const server of this.started) await server.end();
  }

  #headers({ headers = {} }: BadRequest): Record<string, string | null> {
    const filled = Object.entries(headers).map(([name, text]) => [name, text && fillText(text, this.placeholders)]);
    return Object.fromEntries(filled) as Record<string, string | null>;
  }

  /** Status 0: it started and runs. */
  async #start({ env = {} }: BadRequest): Promise<Observed> {
    const filled = Object.fromEntries(
      Object.entries(env).map(([name, text]) => [name, fillText(text, this.placeholders)]),
    );
    const server = launchStandalone({ dataDir: join(this.folder, 'data'), env: filled });
    const ready = server.ready(START_WITHIN_MS).then(
      () => undefined,
      () => server.exited,
    );
    const exit = await ready;
    if (exit === undefined) this.started.push(server);
    return {
      status: exit ? (exit.code ?? -1) : 0,
      headers: {},
      text: server.logs,
      tookMs: performance.now() - server.startedAt,
    };
  }
}
