/**
 * The same ingress process on Redis and Kafka beside itself on LMDB and its own log: a key that is answered from memory
 * (cached), and a rate-limited one that asks the store each time (strict). Ingress on one processor; the load and the
 * servers that ingress talks to on the other.
 */
import { join } from 'node:path';
import { TestKafka } from '../../test/support/kafka-server.js';
import { TestRedis } from '../../test/support/redis-server.js';
import { LoadGenerator } from '../load/load-generator.js';
import type { Bench, Measurement, Target } from '../measurement.js';
import { KeymeterServer } from '../servers/keymeter-server.js';
import { moveProcess } from '../servers/thread-placement.js';
import { median } from '../statistics.js';
import { type VerifyLoad, verifyLoads } from './verify-loads.js';
import { type Contender, figuresOf, type Rounds, referenceOf, VerifyRig, type VerifyRun } from './verify-rig.js';

const SERVER_CPU = 0;
const OTHER_CPU = 1;
const ALWAYS = ['--appendfsync', 'always']; // as docs/guides/cluster.md demands

interface Kind {
  readonly name: string;
  readonly load: VerifyLoad;
  readonly atLeast: number;
}

const KINDS: readonly Kind[] = [
  { name: 'cached', load: 'one hot key', atLeast: 0.9 },
  { name: 'strict', load: 'rate-limited key', atLeast: 0.6 },
];
const LATEST: Target = { of: 'p99Ms', atMost: 25 };

export async function redisVerify(bench: Bench): Promise<Measurement[]> {
  bench.say('redis-verify: starting Redis, Kafka and two ingresses');
  const redis = await TestRedis.start(ALWAYS);
  const kafka = await TestKafka.start();
  const load = new LoadGenerator(OTHER_CPU);
  const servers: KeymeterServer[] = [];
  try {
    for (const { pid } of [redis, kafka]) moveProcess(pid, OTHER_CPU);
    const start = async (name: string, env: Readonly<Record<string, string>>) => {
      const options = { cpu: SERVER_CPU, app: 'ingress', env } as const;
      const server = await KeymeterServer.start(join(bench.folder, name), options);
      servers.push(server);
      return server;
    };
    const lmdb = await start('lmdb', {});
    const cluster = await start('redis', clusterSettings(redis, kafka));
    const pids = { Redis: redis.pid, Kafka: kafka.pid };
    const contenders = { ...(await contendersOf('LMDB', lmdb)), ...(await contendersOf('Redis', cluster, pids)) };
    const idle = async () => {
      for (const { process } of servers) await process.idle();
    };
    const rig = new VerifyRig(bench, load, { suite: 'redis-verify', drained: idle }, contenders);
    const names = KINDS.flatMap(({ name }) => [`LMDB, ${name}`, `Redis, ${name}`]);
    const rounds = await rig.rounds(names, bench.options.rounds);
    return KINDS.map((kind) => figures(kind, rounds));
  } finally {
    load.close();
    for (const server of servers) await server.stop();
    await kafka.close();
    await redis.close();
  }
}

function clusterSettings(redis: TestRedis, kafka: TestKafka): Record<string, string> {
  return {
    KEYMETER_STORES: 'cluster',
    KEYMETER_KAFKA_BROKERS: kafka.bootstrap,
    KEYMETER_REDIS_NODES: `127.0.0.1:${redis.port}`,
    KEYMETER_CLICKHOUSE_URL: 'http://127.0.0.1:9', // asked only after Redis has lost its data
  };
}

async function contendersOf(
  store: string,
  server: KeymeterServer,
  servers: Readonly<Record<string, number>> = {},
): Promise<Record<string, Contender>> {
  const { plans } = await verifyLoads(server);
  return Object.fromEntries(
    KINDS.map(({ name, load }) => [`${store}, ${name}`, { process: server.process, plan: plans[load], servers }]),
  );
}

function figures({ name, atLeast }: Kind, rounds: Rounds): Measurement {
  const own = rounds[`Redis, ${name}`] ?? [];
  const others = rounds[`LMDB, ${name}`] ?? [];
  const middle = (runs: readonly VerifyRun[], of: (run: VerifyRun) => number) => median(runs.map(of)).toFixed(0);
  const servers = ['Redis', 'Kafka']
    .map((server) => `${server} ${middle(own, (it) => it.serverUs[server] ?? Number.NaN)}`)
    .join(', ');
  const { note, ...figures } = figuresOf(own);
  return {
    suite: 'redis-verify',
    name: `verify through Redis, ${name}`,
    ...figures,
    reference: referenceOf('the same on LMDB', own, others),
    targets: [{ of: 'ratio', atLeast }, LATEST],
    note: `${note}, ${servers}; LMDB ${middle(others, (it) => it.allUs)} in all`,
  };
}
