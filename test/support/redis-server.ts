/** Real Redis servers for the tests, each in a temporary folder on a free port. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { describeWith, type ServerHandle, serverScript } from './server-script.js';

/** For commands of tests that are not about timeouts: another suite may have the processor for a while. */
export const PATIENT_MS = 15_000;

export interface RedisProcess extends ServerHandle {
  readonly url: string;
}

interface StartOptions {
  readonly dir: string;
  readonly port: number;
  readonly args?: readonly string[];
  readonly config?: string;
}

interface RedisScript {
  readonly DURABLE: readonly string[];
  ensureRedis(): string;
  startRedis(options: StartOptions): Promise<RedisProcess>;
  askRedis(port: number, command: string): Promise<string>;
}

const UNTIL_MS = 10_000;
const SLOTS = 16_384;

const script = () => serverScript<RedisScript>('redis.mjs');

/** `describe` where a redis-server can be had, see describeWith. Await it at the top of the test file. */
export async function describeWithRedis(): Promise<jest.Describe> {
  return describeWith('Redis', (await script()).ensureRedis);
}

export class TestRedis {
  #server: RedisProcess;

  private constructor(
    server: RedisProcess,
    private readonly dir: string,
    private readonly args: readonly string[],
  ) {
    this.#server = server;
  }

  /** `args` come after the durable ones and so override them. */
  static async start(args: readonly string[] = [], config?: string): Promise<TestRedis> {
    const { startRedis, DURABLE } = await script();
    const dir = mkdtempSync(join(tmpdir(), 'keymeter-redis-'));
    const all = [...DURABLE, ...args];
    try {
      return new TestRedis(await startRedis({ dir, port: await freePort(), args: all, config }), dir, all);
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  /** A cluster of one node: hash slots and the refusal of commands over several of them, without a failover. */
  static async startCluster(): Promise<TestRedis> {
    const bus = ['--cluster-port', String(await freePort())];
    const redis = await TestRedis.start(['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1', ...bus]);
    await redis.ask('CLUSTER ADDSLOTSRANGE 0 16383');
    await until(async () => (await redis.ask('CLUSTER INFO')).includes('cluster_state:ok'));
    return redis;
  }

  /** A cluster of so many masters, the slots in equal shares in their order. */
  static async startShards(count: number): Promise<TestRedis[]> {
    const shards: TestRedis[] = [];
    const buses: number[] = [];
    for (let n = 0; n < count; n++) {
      buses.push(await freePort());
      const bus = ['--cluster-announce-ip', '127.0.0.1', '--cluster-port', String(buses[n])];
      const shard = await TestRedis.start(['--cluster-enabled', 'yes', ...bus]);
      shards.push(shard);
      await shard.ask(`CLUSTER SET-CONFIG-EPOCH ${n + 1}`);
      const [from, to] = [n, n + 1].map((at) => Math.floor((at * SLOTS) / count));
      await shard.ask(`CLUSTER ADDSLOTSRANGE ${from} ${(to as number) - 1}`);
      if (n > 0) await shard.ask(`CLUSTER MEET 127.0.0.1 ${shards[0]?.port} ${buses[0]}`);
    }
    for (const shard of shards) {
      await until(async () => {
        const info = await shard.ask('CLUSTER INFO');
        return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${count}`);
      });
    }
    return shards;
  }

  /** A replica that has all that its master has. */
  static async startReplica(master: TestRedis): Promise<TestRedis> {
    await master.ask('CONFIG SET repl-diskless-sync-delay 0');
    const replica = await TestRedis.start(['--replicaof', `127.0.0.1 ${master.port}`]);
    await until(async () => (await replica.ask('INFO replication')).includes('master_link_status:up'));
    return replica;
  }

  /** One that decides alone, after a second and a half, that the master is dead. */
  static async startSentinel(masterName: string, master: TestRedis): Promise<TestRedis> {
    const monitor = `sentinel monitor ${masterName} 127.0.0.1 ${master.port} 1`;
    const times = [
      `sentinel down-after-milliseconds ${masterName} 1500`,
      `sentinel failover-timeout ${masterName} 2000`,
    ];
    const sentinel = await TestRedis.start(['--sentinel'], [monitor, ...times, ''].join('\n'));
    await until(async () =>
      /master-link-status\r\n\$2\r\nok/.test(await sentinel.ask(`SENTINEL REPLICAS ${masterName}`)),
    );
    return sentinel;
  }

  get pid(): number {
    return this.#server.pid;
  }

  get port(): number {
    return this.#server.port;
  }

  get url(): string {
    return this.#server.url;
  }

  /** One command without quoting, on a connection of its own; resolves with the raw reply. */
  async ask(command: string): Promise<string> {
    return (await script()).askRedis(this.port, command);
  }

  kill9(): Promise<void> {
    return this.#server.kill9();
  }

  /** An orderly stop; `restart` starts it again. */
  halt(): Promise<void> {
    return this.#server.stop();
  }

  /** On the same port and data, after `kill9` or `halt`. */
  async restart(): Promise<void> {
    const { startRedis } = await script();
    this.#server = await startRedis({ dir: this.dir, port: this.port, args: this.args });
  }

  pause(): void {
    this.#server.pause();
  }

  resume(): void {
    this.#server.resume();
  }

  /** Ends the server, whatever its state, and removes its folder. */
  async close(): Promise<void> {
    await this.#server.kill9();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

async function until(check: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + UNTIL_MS;
  while (!(await check())) {
    if (performance.now() > end) throw new Error('the Redis servers do not find each other');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
