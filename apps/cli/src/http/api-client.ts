/** Calls the server; every failure becomes one sentence and an exit code. */
import type { CliContext } from '../command.js';
import { CliError, EXIT } from '../exit-code.js';
import type { Login } from '../login/login-file.js';
import { type App, appOf } from '../login/servers.js';
import { parseProblem, problemText } from './problem-text.js';

const TIMEOUT_MS = 60_000;

export interface ApiRequest {
  readonly body?: unknown;
  readonly rawBody?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

const UNSENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH']);

export class ApiClient {
  readonly #first = new Map<App, string>();

  constructor(
    private readonly context: CliContext,
    readonly login: Login,
  ) {}

  /** The answer as JSON; throws CliError for every status that is no success. */
  async json<T>(method: string, path: string, request: ApiRequest = {}): Promise<T> {
    const response = await this.ok(method, path, request);
    if (response.body === '') return undefined as T;
    try {
      return JSON.parse(response.body) as T;
    } catch {
      const [url] = this.#addresses(method, path);
      throw new CliError(EXIT.failed, `${url} does not answer as a keymeter server does (no JSON)`);
    }
  }

  async ok(method: string, path: string, request: ApiRequest = {}): Promise<ApiResponse> {
    const response = await this.send(method, path, request);
    if (response.status >= 200 && response.status < 300) return response;
    throw refusal(response, this.login.rootKey !== undefined);
  }

  /** Any status is an answer; throws CliError (unreachable) where there is none. */
  async send(method: string, path: string, request: ApiRequest = {}): Promise<ApiResponse> {
    const urls = this.#addresses(method, path);
    for (const [n, url] of urls.entries()) {
      try {
        const response = await this.sendTo(url, method, path, request);
        this.#first.set(appOf(method, path), url);
        return response;
      } catch (error) {
        // Only where nothing was sent may another address get it: the first may have done what it was asked to.
        if (!(error instanceof NotConnected) || n === urls.length - 1) throw error;
      }
    }
    throw new CliError(EXIT.unreachable, 'there is no server to ask');
  }

  async sendTo(url: string, method: string, path: string, request: ApiRequest = {}): Promise<ApiResponse> {
    const body = request.rawBody ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (this.login.rootKey !== undefined) headers.Authorization = `Bearer ${this.login.rootKey}`;
    try {
      const response = await this.context.fetch(url + path, {
        method,
        body,
        headers: { ...headers, ...request.headers },
        redirect: 'error',
        signal: AbortSignal.timeout(request.timeoutMs ?? TIMEOUT_MS),
      });
      return { status: response.status, headers: response.headers, body: await response.text() };
    } catch (error) {
      const reason = networkReason(error);
      throw new (UNSENT.has(reason) ? NotConnected : CliError)(
        EXIT.unreachable,
        `cannot reach the server at ${url} (${reason})`,
      );
    }
  }

  /** The one that answered last comes first. */
  #addresses(method: string, path: string): string[] {
    const app = appOf(method, path);
    const first = this.#first.get(app);
    const all = this.login.servers[app];
    return first === undefined ? [...all] : [first, ...all.filter((url) => url !== first)];
  }
}

/** Nothing of the request has left. */
class NotConnected extends CliError {}

/** The error that ends a command for this answer. */
export function refusal(response: ApiResponse, withKey: boolean): CliError {
  const text = problemText(response.status, parseProblem(response.body));
  if (response.status === 401 || response.status === 403) {
    const hint = withKey ? '' : '; set KEYMETER_ROOT_KEY or run keymeter login';
    return new CliError(EXIT.refused, `refused (${response.status}): ${text}${hint}`);
  }
  return new CliError(EXIT.failed, `${text} (${response.status})`);
}

/** fetch hides the cause of a failed connection one or two levels down. */
function networkReason(error: unknown): string {
  const seen = error as { name?: string; code?: string; message?: string; cause?: unknown };
  if (seen.name === 'TimeoutError') return 'no answer in time';
  const cause = seen.cause as { code?: string; message?: string } | undefined;
  if (cause?.code === 'UND_ERR_SOCKET') return 'connection lost';
  return cause?.code ?? cause?.message ?? seen.code ?? seen.message ?? 'no connection';
}
