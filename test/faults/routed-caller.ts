/** One caller of a whole cluster: each path goes to an app that serves it. */
import { type CallOptions, type CallResult, HttpCaller } from '../crash/http-caller.js';
import { type FaultCluster, ROOT_KEY } from './fault-cluster.js';

export class RoutedCaller extends HttpCaller {
  readonly #ingress: HttpCaller;
  readonly #policy: HttpCaller;
  readonly #query: HttpCaller;

  constructor({ apps }: FaultCluster) {
    super(apps['query-1'].url, ROOT_KEY);
    this.#ingress = new HttpCaller(apps['ingress-1'].url, ROOT_KEY);
    this.#policy = new HttpCaller(apps['policy-1'].url, ROOT_KEY);
    this.#query = new HttpCaller(apps['query-1'].url, ROOT_KEY);
  }

  override call(path: string, options: CallOptions = {}): Promise<CallResult> {
    return this.#appOf(path, options.method ?? 'GET').call(path, options);
  }

  override close(): void {
    for (const caller of [this.#ingress, this.#policy, this.#query]) caller.close();
  }

  #appOf(path: string, method: string): HttpCaller {
    if (path.startsWith('/v2/') || (path.startsWith('/api/v1/events') && method === 'POST')) return this.#ingress;
    if (/^\/api\/v1\/(policies|enforcements)/.test(path)) return this.#policy;
    return this.#query;
  }
}
