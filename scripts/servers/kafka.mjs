/**
 * An Apache Kafka broker of one's own, without docker: its jars fetched once by Maven, one process that is broker and
 * controller (KRaft), started in a given folder on given ports of the loopback address. Node built-ins only.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from './server-process.mjs';

export const KAFKA_VERSION = '4.1.0'; // as in infra/kafka/pom.xml
const MIN_JAVA = 17;
const START_MS = 60_000;
const STOP_MS = 20_000;
const FETCH_MS = 600_000;
const ARCHIVE_MS = 120_000;
/** For a broker of a minute: what the second compiler would make faster has not paid for itself by then. */
export const SHORT_LIVED = ['-XX:TieredStopAtLevel=1'];
const NODE_ID = 1;
const BOOTSTRAP = 'bootstrap.checkpoint';
const METADATA = 3; // Kafka protocol: api key of the Metadata request

export class KafkaMissing extends Error {
  name = 'KafkaMissing';
}

/** What a broker needs is there, and what makes it start faster. Throws KafkaMissing with one sentence of what to do. */
export function ensureKafka(say = sayOnStderr) {
  const archive = archiveOf(ensureJars(say));
  if (existsSync(archive)) return;
  say('Preparing the classes of Apache Kafka (about 10 s, once) …');
  const maker = fileURLToPath(new URL('kafka-archive.mjs', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [maker, archive], { encoding: 'utf8', timeout: ARCHIVE_MS });
  if (status !== 0) say(`They stay as they are, brokers start more slowly: ${(stderr ?? '').trim().slice(-300)}`);
}

function sayOnStderr(line) {
  process.stderr.write(`${line}\n`);
}

function archiveOf(jars) {
  return `${jars}.jsa`;
}

/** Returns the folder of the broker's jars. */
function ensureJars(say = sayOnStderr) {
  demandJava();
  const root = projectRoot();
  const cache = join(root, '.keymeter-servers');
  const jars = join(cache, `kafka-${KAFKA_VERSION}`);
  if (existsSync(jars)) return jars;
  if (spawnSync('mvn', ['-v']).status !== 0) {
    throw new KafkaMissing(
      `keymeter fetches Kafka ${KAFKA_VERSION} with Maven, and there is no mvn on the PATH: install it, e.g. with "apt-get install maven" or "brew install maven".`,
    );
  }
  mkdirSync(cache, { recursive: true });
  const part = mkdtempSync(join(cache, 'fetching-')); // renamed when complete: two processes may fetch at once
  say(`Fetching Apache Kafka ${KAFKA_VERSION} (43 MB, once) …`);
  const started = performance.now();
  try {
    fetchJars(join(root, 'infra/kafka/pom.xml'), part);
    if (!existsSync(jars)) renameSync(part, jars);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  say(`Apache Kafka ${KAFKA_VERSION} is there after ${Math.round((performance.now() - started) / 1000)} s.`);
  return jars;
}

function demandJava() {
  const { status, stderr = '', stdout = '' } = spawnSync('java', ['-version'], { encoding: 'utf8' });
  const major = Number(/version "(\d+)/.exec(`${stderr}${stdout}`)?.[1] ?? 0);
  if (status === 0 && major >= MIN_JAVA) return;
  const found = status === 0 ? `the java on the PATH is version ${major}` : 'there is no java on the PATH';
  throw new KafkaMissing(
    `keymeter's cluster mode runs Kafka ${KAFKA_VERSION}, which needs Java ${MIN_JAVA} or later, and ${found}: install it, e.g. with "apt-get install openjdk-17-jre-headless" or "brew install openjdk@17".`,
  );
}

function fetchJars(pom, folder) {
  const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`];
  const { status, stdout, stderr } = spawnSync('mvn', args, { encoding: 'utf8', timeout: FETCH_MS });
  if (status === 0 && readdirSync(folder).some((name) => name.startsWith('kafka_'))) return;
  throw new KafkaMissing(`Maven could not fetch Kafka ${KAFKA_VERSION}: ${`${stdout}${stderr}`.trim().slice(-500)}`);
}

/** The sources' root, also when this file was loaded from a build in dist/. */
function projectRoot() {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'infra/kafka/pom.xml'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new KafkaMissing('infra/kafka/pom.xml is not part of this installation.');
    folder = parent;
  }
  return folder;
}

/**
 * Starts a broker and waits until it serves requests. The same `dir` and ports again = a restart on the same data.
 * `advertisedPort` is what clients are told to connect to (a proxy in between); `properties` come last and override.
 * `scram`: credentials of the first start, such as 'SCRAM-SHA-512=[name=me,password=secret]'. `java`: more options of the
 * virtual machine, see SHORT_LIVED.
 */
export async function startKafka(options) {
  const { dir, port, controllerPort, properties = {}, advertisedPort = port, scram = [], java = [] } = options;
  const jars = ensureJars();
  mkdirSync(dir, { recursive: true });
  const config = join(dir, 'server.properties');
  writeProperties(config, { ...defaults(dir, port, controllerPort, advertisedPort), ...properties });
  format(jars, config, join(dir, 'data'), scram);
  const archive = archiveOf(jars);
  const shared = existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`, '-Xlog:cds=off'] : [];
  const server = new KafkaServer(join(jars, '*'), config, dir, port, [...shared, ...java]);
  await server.within(server.serving(START_MS));
  return server;
}

function defaults(dir, port, controllerPort, advertisedPort) {
  return {
    'process.roles': 'broker,controller',
    'node.id': NODE_ID,
    'controller.quorum.voters': `${NODE_ID}@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertisedPort}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(dir, 'data'),
    'auto.create.topics.enable': false,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    // After a kill the controller waits this long before it lets the same broker in again.
    'broker.session.timeout.ms': 3000,
    'broker.heartbeat.interval.ms': 500,
  };
}

/** Formats a new data folder. With credentials by Kafka's tool itself; else by what the tool made once, a JVM's start less. */
function format(jars, config, data, scram) {
  if (existsSync(join(data, 'meta.properties'))) return;
  const clusterId = newId();
  if (scram.length > 0) return formatByTool(jars, config, clusterId, scram);
  const sample = formattedSample(jars);
  mkdirSync(data, { recursive: true });
  copyFileSync(join(sample, BOOTSTRAP), join(data, BOOTSTRAP));
  const ids = { version: 1, 'cluster.id': clusterId, 'node.id': NODE_ID, 'directory.id': newId() };
  writeProperties(join(data, 'meta.properties'), ids);
}

/** The folder of what the tool writes for every cluster alike: Kafka's metadata version and its features. */
function formattedSample(jars) {
  const sample = `${jars}-formatted`;
  if (existsSync(sample)) return sample;
  const part = mkdtempSync(join(dirname(jars), 'formatting-')); // renamed when complete: two processes may format at once
  try {
    const config = join(part, 'server.properties');
    writeProperties(config, { ...defaults(part, 9092, 9093, 9092), 'log.dirs': join(part, 'data') });
    formatByTool(jars, config, newId(), []);
    renameSync(join(part, 'data'), sample);
  } catch (error) {
    if (!existsSync(sample)) throw error; // the other one was faster
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  return sample;
}

function formatByTool(jars, config, clusterId, scram) {
  const args = ['-cp', join(jars, '*'), 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', config];
  for (const credential of scram) args.push('--add-scram', credential);
  const { status, stdout, stderr } = spawnSync('java', args, { encoding: 'utf8', timeout: START_MS });
  if (status !== 0) throw new Error(`Kafka's data folder could not be formatted: ${`${stdout}${stderr}`.slice(-500)}`);
}

function newId() {
  return randomBytes(16).toString('base64url').replace(/^-/, 'A'); // a leading dash would be an option
}

function writeProperties(path, settings) {
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(path, lines.join(''));
}

class KafkaServer extends ServerProcess {
  constructor(classpath, config, dir, port, java) {
    const logging = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
    const machine = ['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', ...java, logging];
    const command = [...machine, '-cp', classpath, 'kafka.Kafka', config];
    super('java', command, { dir, logName: 'kafka.log', stopMs: STOP_MS, cwd: dir });
    this.port = port;
    this.bootstrap = `127.0.0.1:${port}`;
  }

  /** A broker lists itself only when the controller has let it in. */
  async serving(withinMs) {
    const end = performance.now() + withinMs;
    let last = 'no answer';
    while (performance.now() < end) {
      if (!this.running) throw new Error(`Kafka on port ${this.port} ended at once`);
      const brokers = await askBrokers(this.port).catch((error) => error.message);
      if (brokers > 0) return;
      last = brokers === 0 ? 'no broker registered' : brokers;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`Kafka on port ${this.port} does not serve: ${last}`);
  }
}

/** Number of registered brokers by a real Metadata request (version 1, no topics). */
function askBrokers(port, timeoutMs = 2_000) {
  const request = Buffer.alloc(4 + 2 + 2 + 4 + 2 + 4);
  request.writeInt32BE(request.length - 4, 0);
  request.writeInt16BE(METADATA, 4);
  request.writeInt16BE(1, 6);
  request.writeInt32BE(1, 8); // correlation id
  request.writeInt16BE(-1, 12); // no client id
  request.writeInt32BE(0, 14); // no topics
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    socket.once('connect', () => socket.write(request));
    socket.once('data', (reply) => {
      socket.destroy();
      resolve(reply.length >= 12 ? reply.readInt32BE(8) : 0);
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed without an answer')));
  });
}
