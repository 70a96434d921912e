/** `npm run cluster` under measurement, and the calls that a suite needs to set it up. */
import { join } from 'node:path';
import { CLUSTER_ROOT_KEY, Cluster, type ClusterOptions } from '../../test/cluster/cluster.js';
import type { CallResult, HttpCaller } from '../../test/crash/http-caller.js';
import type { Bench } from '../measurement.js';

const AT_ONCE = 50;

export interface BenchKey {
  readonly key: string;
  readonly keyId: string;
}

export class BenchCluster {
  readonly rootKey = CLUSTER_ROOT_KEY;

  private constructor(
    readonly cluster: Cluster,
    private readonly apiId: string,
  ) {}

  static async start(bench: Bench, counts: ClusterOptions['counts']): Promise<BenchCluster> {
    const cluster = await Cluster.start(join(bench.folder, 'cluster'), { counts });
    try {
      const [ingress] = cluster.ingress as [HttpCaller];
      const { data } = await ingress.demand('POST', '/v2/apis.createApi', { name: 'bench' });
      return new BenchCluster(cluster, data.apiId);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get urls(): readonly string[] {
    return this.cluster.addresses.ingress;
  }

  ingress(node: number): HttpCaller {
    return this.cluster.ingress[node] as HttpCaller;
  }

  createKey(settings: object = {}): Promise<BenchKey> {
    return this.#operation(0, 'keys.createKey', { apiId: this.apiId, prefix: 'sk', ...settings });
  }

  async createKeys(count: number, settings: object = {}): Promise<BenchKey[]> {
    const keys: BenchKey[] = [];
    while (keys.length < count) {
      const some = Math.min(AT_ONCE, count - keys.length);
      keys.push(...(await Promise.all(Array.from({ length: some }, () => this.createKey(settings)))));
    }
    return keys;
  }

  async verify(node: number, key: string): Promise<string> {
    return (await this.#operation<{ code: string }>(node, 'keys.verifyKey', { key })).code;
  }

  /** Revoked by a call to the node; when it returned, by performance.now(), and how it knew that all nodes know. */
  async revoke(node: number, keyId: string): Promise<{ returnedAt: number; tookMs: number; confirmed: string }> {
    const begunAt = performance.now();
    const answer = (await this.ingress(node).post('/v2/keys.deleteKey', { keyId })) as CallResult;
    const returnedAt = performance.now();
    if (answer.kind === 'lost' || answer.status !== 200) throw new Error(`deleteKey: ${JSON.stringify(answer)}`);
    return { returnedAt, tookMs: returnedAt - begunAt, confirmed: String(answer.headers['keymeter-confirmed']) };
  }

  async stop(): Promise<void> {
    const { code, output } = await this.cluster.stop();
    if (code !== 0) throw new Error(`the cluster ended with ${code}: ${output.slice(-2_000)}`);
  }

  async #operation<T>(node: number, name: string, input: unknown): Promise<T> {
    return (await this.ingress(node).demand('POST', `/v2/${name}`, input)).data as T;
  }
}
