/**
 * `npm run cluster -- --docker`: the processes and servers of docker-compose.yml, on the same ports and with the same
 * addresses.json as without docker. Node built-ins only: nothing is compiled here, the image is built by docker.
 */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../prepare.mjs';
import { untilReady } from './readiness.mjs';

const UP_WITHIN_S = 300; // the images are there; Kafka takes its time to be healthy
const READY_WITHIN_MS = 60_000;

export class DockerMissing extends Error {
  name = 'DockerMissing';
}

/** Throws DockerMissing with one sentence of what to do. */
export function demandDocker() {
  const asked = (...args) => spawnSync('docker', args, { encoding: 'utf8' });
  if (asked('--version').status !== 0) {
    throw new DockerMissing(
      '--docker needs docker, and there is none on the PATH; without --docker the same runs on this machine itself.',
    );
  }
  if (asked('compose', 'version').status !== 0) {
    throw new DockerMissing(
      '--docker needs docker compose, and this docker has no command "compose": install its plugin.',
    );
  }
  if (asked('info', '--format', '{{.ServerVersion}}').status !== 0) {
    throw new DockerMissing(
      '--docker needs a docker engine that runs, and none answers: start it, or see "docker info".',
    );
  }
}

export class ComposeCluster {
  #folder;
  #env;
  #rootKey;
  #running = new Set();

  constructor(folder) {
    this.#folder = folder;
    this.#rootKey = folder.rootKey();
    const ports = folder.apps().map(({ name, port }) => [`${name.toUpperCase().replace('-', '_')}_PORT`, port]);
    const servers = ['kafka', 'redis', 'clickhouse'].map((it) => [`${it.toUpperCase()}_PORT`, folder.portOf(it)]);
    this.#env = {
      ...process.env,
      ...Object.fromEntries([...ports, ...servers].map(([name, port]) => [name, String(port)])),
      KEYMETER_CLICKHOUSE_PASSWORD: folder.clickhousePassword(),
      KEYMETER_ROOT_KEY: this.#rootKey ?? '',
    };
  }

  /** Resolves when every process does its whole work. */
  async start(say) {
    say('Building the image and starting Kafka, Redis, ClickHouse and the apps by docker compose …');
    await this.#compose('up', '--build', '--detach', '--wait', '--wait-timeout', String(UP_WITHIN_S));
    const apps = this.#folder.apps();
    await Promise.all(apps.map(({ name, url }) => untilReady(name, url, () => true, READY_WITHIN_MS)));
    const at = (server) => `127.0.0.1:${this.#folder.portOf(server)}`;
    const servers = { kafka: at('kafka'), redis: at('redis'), clickhouse: `http://${at('clickhouse')}` };
    const addresses = this.#folder.writeAddresses(servers, { clickhouseUser: 'keymeter' });
    const newRootKey = process.env.KEYMETER_ROOT_KEY ? undefined : this.#rootKey;
    const lines = ['Ctrl-C stops everything; the data stays in volumes of docker.'];
    say(this.#folder.startedText(addresses, newRootKey, lines));
    this.#docker('logs', '--follow', '--since', '0s');
  }

  async stop() {
    for (const child of this.#running) child.kill('SIGTERM');
    await this.#compose('stop');
  }

  #docker(...args) {
    const project = ['compose', '--project-name', `keymeter-${this.#folder.basePort}`, '--profile', 'apps'];
    const file = ['--file', join(root, 'docker-compose.yml')];
    // A group of its own: Ctrl-C is for this script, which stops the containers in order.
    const options = { env: this.#env, stdio: ['ignore', 'inherit', 'inherit'], detached: true };
    const child = spawn('docker', [...project, ...file, ...args], options);
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    return child;
  }

  async #compose(...args) {
    const child = this.#docker(...args);
    const code = await new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve));
    if (code !== 0) throw new Error(`docker compose ${args[0]} ended with code ${code}`);
  }
}
