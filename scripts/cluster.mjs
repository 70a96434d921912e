/**
 * `npm run cluster`: the whole thing on this machine without docker: Apache Kafka, redis-server, an HTTP front over chDB
 * in place of ClickHouse, and 2 ingress, 2 consumer, 2 policy and 1 query processes, or as many as `--ingress 3` and so
 * on say. Ctrl-C stops all.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ClusterProcesses } from './cluster/processes.mjs';
import { prepare, root } from './prepare.mjs';
import { startClickhouseFront } from './servers/clickhouse-front.mjs';
import { ensureKafka, startKafka } from './servers/kafka.mjs';
import { DURABLE, ensureRedis, startRedis } from './servers/redis.mjs';

/** In the order of their ports; at most so many together as there are ports below those of the servers. */
const COUNTS = { ingress: 2, query: 1, policy: 2, consumer: 2 };
const MAX_APPS = 20;
/** A Redis that lost its last second would be an older copy, which answers nobody. */
const REDIS_ARGS = [...DURABLE, '--appendfsync', 'always'];
const SERVER_PORTS = { kafka: 20, controller: 21, redis: 22, clickhouse: 23 }; // above the base port

const apps = chosenApps();
prepare();
ensureRedis();
ensureKafka();

const folder = resolve(process.env.KEYMETER_DATA_DIR ?? join(root, '.keymeter-cluster'));
const base = Number(process.env.KEYMETER_PORT ?? 8080);
const ADDRESSES = join(folder, 'addresses.json');
const PASSWORD_FILE = join(folder, 'clickhouse-password');
const isNew = !existsSync(ADDRESSES);
mkdirSync(folder, { recursive: true });

const servers = [];
const processes = new ClusterProcesses();
let stopping = false;
process.on('SIGINT', stop);
process.on('SIGTERM', stop);

try {
  await start();
} catch (error) {
  say(`The cluster did not start: ${error.message}`);
  process.exitCode = 1;
  await stop();
}

async function start() {
  say('Starting Kafka, Redis and an HTTP front over chDB that stands in for ClickHouse …');
  const password = clickhousePassword();
  const { kafka, redis, front } = await startServers(password);
  const rootKey = process.env.KEYMETER_ROOT_KEY ?? (isNew ? `keymeter_${randomBytes(24).toString('hex')}` : undefined);
  const shared = {
    KEYMETER_STORES: 'cluster',
    KEYMETER_KAFKA_BROKERS: kafka.bootstrap,
    KEYMETER_REDIS_NODES: `127.0.0.1:${portOf('redis')}`,
    KEYMETER_CLICKHOUSE_URL: front.url,
    KEYMETER_CLICKHOUSE_PASSWORD: password,
    ...(rootKey ? { KEYMETER_ROOT_KEY: rootKey } : {}),
  };
  const started = await startApps(shared);
  const urls = (app) => started.filter((it) => it.app === app).map(({ url }) => url);
  const pids = [...started, { name: 'kafka', ...kafka }, { name: 'redis', ...redis }, { name: 'clickhouse', ...front }];
  const addresses = {
    ingress: urls('ingress'),
    query: urls('query')[0],
    policy: urls('policy'),
    consumer: urls('consumer'),
    kafka: shared.KEYMETER_KAFKA_BROKERS,
    redis: shared.KEYMETER_REDIS_NODES,
    clickhouse: shared.KEYMETER_CLICKHOUSE_URL,
    clickhousePasswordFile: 'clickhouse-password', // beside this file, for those who may read it
    pids: Object.fromEntries(pids.map(({ name, pid }) => [name, pid])),
  };
  writeFileSync(`${ADDRESSES}.new`, `${JSON.stringify(addresses, null, 2)}\n`);
  renameSync(`${ADDRESSES}.new`, ADDRESSES);
  say(startedText(addresses, shared, process.env.KEYMETER_ROOT_KEY ? undefined : rootKey));
}

async function startServers(password) {
  const started = async (server) => {
    servers.push(await server);
    return servers.at(-1);
  };
  const [kafkaPort, controllerPort] = [portOf('kafka'), portOf('controller')];
  const kafka = await started(startKafka({ dir: join(folder, 'kafka'), port: kafkaPort, controllerPort }));
  const redis = await started(startRedis({ dir: join(folder, 'redis'), port: portOf('redis'), args: REDIS_ARGS }));
  const clickhouse = { dir: join(folder, 'clickhouse'), port: portOf('clickhouse'), password };
  return { kafka, redis, front: await started(startClickhouseFront(clickhouse)) };
}

/** Resolves when all are ready. */
async function startApps(shared) {
  const started = apps.map((app, i) => {
    const number = apps.slice(0, i + 1).filter((name) => name === app).length;
    const name = `${app}-${number}`;
    const own = { KEYMETER_PORT: String(base + i), KEYMETER_DATA_DIR: join(folder, name), KEYMETER_NODE_ID: name };
    const { pid } = processes.start(name, join(root, `dist/apps/${app}/src/main.js`), { ...shared, ...own });
    return { name, app, url: `http://127.0.0.1:${base + i}`, pid };
  });
  await Promise.all(started.map(({ url, name }) => processes.ready(name, url)));
  return started;
}

/** `--consumer 0` leaves one kind out; without consumers nobody makes the tables that policies and queries read. */
function chosenApps() {
  const options = Object.fromEntries(
    Object.entries(COUNTS).map(([app, count]) => [app, { type: 'string', default: String(count) }]),
  );
  try {
    const { values } = parseArgs({ options });
    const wrong = Object.keys(COUNTS).find((app) => !/^\d{1,2}$/.test(values[app]));
    if (wrong) throw new Error(`--${wrong} is a number of processes, not '${values[wrong]}'`);
    const chosen = Object.keys(COUNTS).flatMap((app) => Array(Number(values[app])).fill(app));
    if (chosen.length > MAX_APPS) throw new Error(`at most ${MAX_APPS} processes together`);
    return chosen;
  } catch (error) {
    say(`npm run cluster: ${error.message}`);
    process.exit(2);
  }
}

function startedText(addresses, shared, newRootKey) {
  const settings = Object.entries(shared).filter(([name]) => !/PASSWORD|ROOT_KEY/.test(name));
  const lines = [
    '',
    'keymeter runs as a cluster.',
    `ingress      ${addresses.ingress.join('  ')}`,
    `query        ${addresses.query}`,
    `policies     ${addresses.policy.join('  ')}`,
    `addresses    ${ADDRESSES}`,
    ...(newRootKey ? [`root key     ${newRootKey}   (shown this once; only its hash is stored)`] : []),
    '',
    'For the command line (npx keymeter), with KEYMETER_ROOT_KEY or after npx keymeter login:',
    `  export KEYMETER_CLUSTER=${ADDRESSES}`,
    '',
    'In place of ClickHouse runs an HTTP front over chDB, the same engine in one process: to try out, not for production.',
    '',
    'To run one app by hand, with its own KEYMETER_PORT, KEYMETER_DATA_DIR and KEYMETER_NODE_ID:',
    ...settings.map(([name, value]) => `  ${name}=${value}`),
    `  KEYMETER_CLICKHOUSE_PASSWORD=$(cat ${PASSWORD_FILE})`,
    '',
    'Ctrl-C stops everything.',
  ];
  return lines.join('\n');
}

function portOf(server) {
  return base + SERVER_PORTS[server];
}

/** Made once and kept beside the data that it protects. */
function clickhousePassword() {
  if (!existsSync(PASSWORD_FILE)) writeFileSync(PASSWORD_FILE, randomBytes(16).toString('hex'), { mode: 0o600 });
  return readFileSync(PASSWORD_FILE, 'utf8').trim();
}

async function stop() {
  if (stopping) return;
  stopping = true;
  await processes.stop();
  for (const server of servers.reverse()) await server.stop();
  process.exit();
}

function say(text) {
  process.stderr.write(`${text}\n`);
}
