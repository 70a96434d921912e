/** `npm run cluster` as a process, and callers of its apps. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { HttpCaller } from '../crash/http-caller.js';
import { projectRoot } from '../faults/project-root.js';
import type { UsageRow } from '../real-log/log-server.js';
import { type CliEnd, type CliProcess, startCli } from '../support/cli-process.js';
import { freeRange } from '../support/free-port.js';

const SCRIPT = join(projectRoot(), 'scripts/cluster.mjs');
export const CLUSTER_ROOT_KEY = 'root_of_the_cluster_tests_0123456789';
const PORTS = 24; // apps from the base port on, servers from 20 above it
const READY_WITHIN_MS = 180_000;
const STOPPED_WITHIN_MS = 60_000;

export interface Addresses {
  readonly ingress: readonly string[];
  readonly query: string;
  readonly policy: readonly string[];
  /** host:port */
  readonly redis: string;
  readonly consumer: readonly string[];
  readonly kafka: string;
  readonly clickhouse: string;
  readonly pids: Readonly<Record<string, number>>;
}

export interface ClusterOptions {
  /** How many of each kind, where not as `npm run cluster` says; `{ consumer: 0 }` leaves them out. */
  readonly counts?: Readonly<Partial<Record<'ingress' | 'query' | 'policy' | 'consumer', number>>>;
  /** For every app. */
  readonly settings?: Readonly<Record<string, string>>;
}

export class Cluster {
  readonly ingress: readonly HttpCaller[];
  readonly query: HttpCaller;
  readonly policy: HttpCaller;

  private constructor(
    private readonly child: ChildProcess,
    readonly folder: string,
    readonly addresses: Addresses,
    private readonly output: () => string,
  ) {
    this.ingress = addresses.ingress.map((url) => new HttpCaller(url, CLUSTER_ROOT_KEY));
    this.query = new HttpCaller(addresses.query, CLUSTER_ROOT_KEY);
    this.policy = new HttpCaller(addresses.policy[0] as string, CLUSTER_ROOT_KEY);
  }

  static async start(folder: string, { counts = {}, settings = {} }: ClusterOptions = {}): Promise<Cluster> {
    const data = join(folder, 'data');
    const env = {
      ...settings,
      KEYMETER_DATA_DIR: data,
      KEYMETER_PORT: String(await freeRange(PORTS)),
      KEYMETER_ROOT_KEY: CLUSTER_ROOT_KEY,
    };
    const { PATH, HOME } = process.env;
    const args = Object.entries(counts).map(([app, count]) => `--${app}=${count}`);
    const child = spawn(process.execPath, [SCRIPT, ...args], {
      env: { PATH, HOME, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const endWithUs = () => void child.kill('SIGTERM');
    process.once('exit', endWithUs);
    child.once('close', () => process.off('exit', endWithUs));
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output = (output + chunk).slice(-20_000);
      });
    }
    const deadline = performance.now() + READY_WITHIN_MS;
    const file = join(data, 'addresses.json');
    while (!existsSync(file)) {
      if (child.exitCode !== null) throw new Error(`the cluster ended with ${child.exitCode}: ${output}`);
      if (performance.now() > deadline) {
        child.kill('SIGTERM');
        throw new Error(`the cluster is not up: ${output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return new Cluster(child, folder, JSON.parse(readFileSync(file, 'utf8')) as Addresses, () => output);
  }

  signal(process_: string, signal: NodeJS.Signals): void {
    process.kill(this.addresses.pids[process_] as number, signal);
  }

  startImport(file: string): CliProcess {
    const url = this.addresses.ingress[0] as string;
    return startCli(join(this.folder, 'home'), { url, rootKey: CLUSTER_ROOT_KEY }, ['import', file, '--json']);
  }

  /** The command line with a query process. */
  ask(...args: string[]): Promise<CliEnd> {
    return startCli(join(this.folder, 'home'), { url: this.addresses.query, rootKey: CLUSTER_ROOT_KEY }, args).ended;
  }

  /** The command line with the addresses of all processes and servers. */
  command(...args: string[]): CliProcess {
    return startCli(join(this.folder, 'home'), { cluster: this.addressesFile, rootKey: CLUSTER_ROOT_KEY }, args);
  }

  get addressesFile(): string {
    return join(this.folder, 'data', 'addresses.json');
  }

  /** What a process of this cluster is started with. */
  environmentOf(name: string, folder = this.folderOf(name)): Record<string, string> {
    const { kafka, redis, clickhouse } = this.addresses;
    return {
      KEYMETER_STORES: 'cluster',
      KEYMETER_KAFKA_BROKERS: kafka,
      KEYMETER_REDIS_NODES: redis,
      KEYMETER_CLICKHOUSE_URL: clickhouse,
      KEYMETER_CLICKHOUSE_PASSWORD: this.#clickhousePassword,
      KEYMETER_DATA_DIR: folder,
      KEYMETER_NODE_ID: name,
    };
  }

  folderOf(name: string): string {
    return join(this.folder, 'data', name);
  }

  get #clickhousePassword(): string {
    return readFileSync(join(this.folder, 'data', 'clickhouse-password'), 'utf8').trim();
  }

  /** A statement past keymeter. */
  async sql(statement: string): Promise<string> {
    const headers = { 'X-ClickHouse-User': 'default', 'X-ClickHouse-Key': this.#clickhousePassword };
    const answer = await fetch(this.addresses.clickhouse, { method: 'POST', body: statement, headers });
    if (answer.status !== 200) throw new Error(await answer.text());
    return (await answer.text()).trim();
  }

  /** Records of one partition, past keymeter. */
  async produce(topic: string, values: readonly (Buffer | null)[], partition = 0): Promise<void> {
    const producer = this.#kafka.producer();
    await producer.connect();
    await producer.send({ topic, messages: values.map((value) => ({ value, partition })) });
    await producer.disconnect();
  }

  /** Records that the topic has ever had, over all partitions. */
  async logEnd(topic: string): Promise<number> {
    const admin = this.#kafka.admin();
    await admin.connect();
    const ends = await admin.fetchTopicOffsets(topic);
    await admin.disconnect();
    return ends.reduce((sum, { high }) => sum + Number(high), 0);
  }

  /** Consumer groups that there are. */
  async groups(): Promise<string[]> {
    const admin = this.#kafka.admin();
    await admin.connect();
    const { groups } = await admin.listGroups();
    await admin.disconnect();
    return groups.map(({ groupId }) => groupId);
  }

  get #kafka(): kafkajs.Kafka {
    return new kafkajs.Kafka({ brokers: [this.addresses.kafka], logLevel: kafkajs.logLevel.NOTHING });
  }

  /** Sums of a metric over the consumers. */
  consumers(metric: string): Promise<number> {
    return this.#sumOf(metric, this.addresses.consumer);
  }

  /** Sums of a metric over the policy processes. */
  policies(metric: string): Promise<number> {
    return this.#sumOf(metric, this.addresses.policy);
  }

  async #sumOf(metric: string, urls: readonly string[]): Promise<number> {
    const ask = async (url: string) => (await fetch(`${url}/metrics`)).text();
    const texts = await Promise.all(urls.map((url) => ask(url).catch(() => ''))); // one may be killed
    const values = [...texts.join('\n').matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (.*)$`, 'gm'))];
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  }

  async usage(meter: string, query: Readonly<Record<string, string>> = {}): Promise<UsageRow[]> {
    const text = new URLSearchParams(query).toString();
    return (await this.query.demand('GET', `/api/v1/meters/${meter}/query?${text}`)).data;
  }

  async total(meter: string, query: Readonly<Record<string, string>> = {}): Promise<number> {
    return (await this.usage(meter, query))[0]?.value ?? 0;
  }

  async createKey(input: object = {}): Promise<{ key: string; keyId: string }> {
    const [ingress] = this.ingress as [HttpCaller];
    const { data: api } = await ingress.demand('POST', '/v2/apis.createApi', { name: 'cluster' });
    return (await ingress.demand('POST', '/v2/keys.createKey', { apiId: api.apiId, prefix: 'sk', ...input })).data;
  }

  /** The verdict's code by the given ingress. */
  verify(ingress: number, key: string): Promise<string> {
    return this.#verify(this.ingress[ingress] as HttpCaller, key);
  }

  /** The verdict's code by an ingress that was started beside the others. */
  async verifyAt(url: string, key: string): Promise<string> {
    const caller = new HttpCaller(url, CLUSTER_ROOT_KEY);
    try {
      return await this.#verify(caller, key);
    } finally {
      caller.close();
    }
  }

  /** The whole answer of a verification under an idempotency key. */
  async verifyOnce(ingress: number, key: string, once: string): Promise<string> {
    const caller = this.ingress[ingress] as HttpCaller;
    const answer = await caller.post('/v2/keys.verifyKey', { key }, { 'idempotency-key': once });
    if (answer.kind === 'lost' || answer.status !== 200) throw new Error(JSON.stringify(answer));
    return answer.text;
  }

  async #verify(caller: HttpCaller, key: string): Promise<string> {
    return (await caller.demand('POST', '/v2/keys.verifyKey', { key })).data.code;
  }

  get redisPort(): number {
    return Number(this.addresses.redis.split(':').at(-1));
  }

  /** Resolves with the exit code of the whole and what it printed last. */
  async stop(): Promise<{ code: number | null; output: string }> {
    for (const caller of [...this.ingress, this.query, this.policy]) caller.close();
    if (this.child.exitCode !== null) return { code: this.child.exitCode, output: this.output() };
    const ended = new Promise<number | null>((resolve) => this.child.once('close', resolve));
    this.child.kill('SIGINT');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOPPED_WITHIN_MS);
    const code = await ended;
    clearTimeout(timer);
    return { code, output: this.output() };
  }
}
