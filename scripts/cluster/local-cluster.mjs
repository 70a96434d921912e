/** The servers and apps of a cluster as processes of this machine. */
import { join } from 'node:path';
import { prepare, root } from '../prepare.mjs';
import { startClickhouseFront } from '../servers/clickhouse-front.mjs';
import { ensureKafka, SHORT_LIVED, startKafka } from '../servers/kafka.mjs';
import { DURABLE, ensureRedis, startRedis } from '../servers/redis.mjs';
import { ClusterProcesses } from './processes.mjs';

/** A Redis that lost its last second would be an older copy, which answers nobody. */
const REDIS_ARGS = [...DURABLE, '--appendfsync', 'always'];

/** Of the cluster itself, or of the command line: no app's. */
const NOT_OF_APPS = /^KEYMETER_(DATA_DIR|PORT|ROOT_KEY|CLUSTER|((INGRESS|QUERY|POLICY)_)?URL)$/;

/** Settings of whoever starts the cluster, for every app. */
function givenSettings() {
  const given = Object.entries(process.env).filter(([name]) => name.startsWith('KEYMETER_') && !NOT_OF_APPS.test(name));
  return Object.fromEntries(given);
}

export class LocalCluster {
  #folder;
  #servers = [];
  #processes = new ClusterProcesses();

  static prepare() {
    prepare();
    ensureRedis();
    ensureKafka();
  }

  constructor(folder) {
    this.#folder = folder;
  }

  /** Resolves when every process does its whole work. */
  async start(say) {
    say('Starting Kafka, Redis and an HTTP front over chDB that stands in for ClickHouse …');
    const folder = this.#folder;
    const password = folder.clickhousePassword();
    const { kafka, redis, front } = await this.#startServers(password);
    const rootKey = folder.rootKey();
    const shared = {
      ...givenSettings(),
      KEYMETER_STORES: 'cluster',
      KEYMETER_KAFKA_BROKERS: kafka.bootstrap,
      KEYMETER_REDIS_NODES: `127.0.0.1:${folder.portOf('redis')}`,
      KEYMETER_CLICKHOUSE_URL: front.url,
      KEYMETER_CLICKHOUSE_PASSWORD: password,
      ...(rootKey ? { KEYMETER_ROOT_KEY: rootKey } : {}),
    };
    const apps = await this.#startApps(shared);
    const pids = [...apps, { name: 'kafka', ...kafka }, { name: 'redis', ...redis }, { name: 'clickhouse', ...front }];
    const servers = { kafka: kafka.bootstrap, redis: shared.KEYMETER_REDIS_NODES, clickhouse: front.url };
    const addresses = folder.writeAddresses(servers, {
      pids: Object.fromEntries(pids.map(({ name, pid }) => [name, pid])),
    });
    const newRootKey = process.env.KEYMETER_ROOT_KEY ? undefined : rootKey;
    say(folder.startedText(addresses, newRootKey, this.#settingsText(shared)));
  }

  async stop() {
    await this.#processes.stop();
    for (const server of this.#servers.reverse()) await server.stop();
  }

  async #startServers(password) {
    const started = async (server) => {
      this.#servers.push(await server);
      return this.#servers.at(-1);
    };
    const at = (name) => ({ dir: join(this.#folder.path, name), port: this.#folder.portOf(name) });
    const kafka = await started(
      startKafka({ ...at('kafka'), java: SHORT_LIVED, controllerPort: this.#folder.portOf('controller') }),
    );
    const redis = await started(startRedis({ ...at('redis'), args: REDIS_ARGS }));
    return { kafka, redis, front: await started(startClickhouseFront({ ...at('clickhouse'), password })) };
  }

  /** Resolves when all are ready. */
  async #startApps(shared) {
    const apps = this.#folder.apps().map(({ app, name, port, url }) => {
      const dataDir = join(this.#folder.path, name);
      const own = { KEYMETER_PORT: String(port), KEYMETER_DATA_DIR: dataDir, KEYMETER_NODE_ID: name };
      const { pid } = this.#processes.start(name, join(root, `dist/run/${app}.js`), { ...shared, ...own });
      return { name, url, pid };
    });
    await Promise.all(apps.map(({ url, name }) => this.#processes.ready(name, url)));
    return apps;
  }

  #settingsText(shared) {
    const settings = Object.entries(shared).filter(([name]) => !/PASSWORD|SECRET|ROOT_KEY/.test(name));
    return [
      'In place of ClickHouse runs an HTTP front over chDB, the same engine in one process: to try out, not for production.',
      '',
      'To run one app by hand, with its own KEYMETER_PORT, KEYMETER_DATA_DIR and KEYMETER_NODE_ID:',
      ...settings.map(([name, value]) => `  ${name}=${value}`),
      `  KEYMETER_CLICKHOUSE_PASSWORD=$(cat ${this.#folder.passwordFile})`,
      '',
      'Ctrl-C stops everything.',
    ];
  }
}
