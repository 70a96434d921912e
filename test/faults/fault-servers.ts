/** Kafka, Redis and the HTTP front over chDB, each of which can be ended and started again on its data. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freePort } from '../support/free-port.js';
import { type ServerHandle, serverScript } from '../support/server-script.js';

export interface FrontHandle extends ServerHandle {
  readonly control: string;
}

/** A server that can be started again with the options of the first time. */
export class Restartable<Handle extends ServerHandle> {
  private constructor(
    private readonly begin: () => Promise<Handle>,
    public handle: Handle,
  ) {}

  static async start<Handle extends ServerHandle>(begin: () => Promise<Handle>): Promise<Restartable<Handle>> {
    return new Restartable(begin, await begin());
  }

  async restart(): Promise<void> {
    this.handle = await this.begin();
  }
}

export interface Listener {
  readonly name: string;
  /** Where the broker listens. */
  readonly port: number;
  /** What it tells clients that came by this listener: the proxy before it. */
  readonly advertised: number;
}

export interface FaultServers {
  readonly kafka: Restartable<ServerHandle>;
  readonly redis: Restartable<ServerHandle>;
  readonly clickhouse: Restartable<FrontHandle>;
  /** For the driver itself, past all proxies. */
  readonly kafkaPort: number;
  readonly password: string;
}

interface Scripts {
  startKafka(options: object): Promise<ServerHandle>;
  readonly SHORT_LIVED: readonly string[];
  startRedis(options: object): Promise<ServerHandle>;
  startClickhouseFront(options: object): Promise<FrontHandle>;
  readonly DURABLE: readonly string[];
}

export interface ServerPorts {
  readonly kafka: number;
  readonly controller: number;
  readonly redis: number;
  readonly clickhouse: number;
}

export async function drawPorts(): Promise<ServerPorts> {
  const [kafka, controller, redis, clickhouse] = await distinctPorts(4);
  return { kafka, controller, redis, clickhouse } as ServerPorts;
}

export async function distinctPorts(count: number, taken: Set<number> = new Set()): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = await freePort();
    if (taken.has(port)) continue;
    taken.add(port);
    ports.push(port);
  }
  return ports;
}

export async function startServers(
  folder: string,
  ports: ServerPorts,
  listeners: readonly Listener[],
): Promise<FaultServers> {
  const { startKafka, SHORT_LIVED } = await serverScript<Scripts>('kafka.mjs');
  const { startRedis, DURABLE } = await serverScript<Scripts>('redis.mjs');
  const { startClickhouseFront } = await serverScript<Scripts>('clickhouse-front.mjs');
  const password = randomBytes(16).toString('hex');
  const dir = (name: string) => join(folder, name);
  const properties = kafkaProperties(ports, listeners);
  const kafkaPorts = { port: ports.kafka, controllerPort: ports.controller };
  const kafkaOptions = { dir: dir('kafka'), ...kafkaPorts, properties, java: SHORT_LIVED };
  const redisOptions = { dir: dir('redis'), port: ports.redis, args: [...DURABLE, '--appendfsync', 'always'] };
  const frontOptions = { dir: dir('clickhouse'), port: ports.clickhouse, password, control: true };
  const kafka = Restartable.start(() => startKafka(kafkaOptions));
  const redis = Restartable.start(() => startRedis(redisOptions));
  const clickhouse = Restartable.start(() => startClickhouseFront(frontOptions));
  const outcomes = await Promise.allSettled([kafka, redis, clickhouse]);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) {
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') await outcome.value.handle.kill9();
    throw failed.reason;
  }
  return {
    kafka: await kafka,
    redis: await redis,
    clickhouse: await clickhouse,
    kafkaPort: ports.kafka,
    password,
  };
}

/** One listener for each client, so that each is told the address of its own proxy. */
function kafkaProperties({ kafka, controller }: ServerPorts, listeners: readonly Listener[]) {
  const at = (name: string, port: number) => `${name}://127.0.0.1:${port}`;
  const all = ['PLAINTEXT', ...listeners.map(({ name }) => name), 'CONTROLLER'];
  const own = listeners.map(({ name, port }) => at(name, port));
  return {
    listeners: [at('PLAINTEXT', kafka), ...own, at('CONTROLLER', controller)].join(','),
    'advertised.listeners': [
      at('PLAINTEXT', kafka),
      ...listeners.map(({ name, advertised }) => at(name, advertised)),
    ].join(','),
    'listener.security.protocol.map': all.map((name) => `${name}:PLAINTEXT`).join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
    'num.network.threads': 1, // of each listener
  };
}
