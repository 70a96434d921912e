/**
 * `npm run cluster -- --docker` with a program called docker that writes down what it is asked: there is no engine here.
 * What it is asked is then read as docker compose would read it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { eventually } from '../support/eventually.js';
import { freeRange } from '../support/free-port.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { demandManifest, describeWithManifests, ROOT } from './manifests.js';

const SCRIPT = join(ROOT, 'scripts/cluster.mjs');
const ROOT_KEY = 'root_of_the_docker_tests_0123456789';
const APPS = 7;
const folder = temporaryFolder('docker-cluster');

/** A folder for the PATH with node and, where given, a docker of this shell script. */
function pathWith(name: string, docker?: string): string {
  const bin = join(folder, name);
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  if (docker !== undefined) {
    writeFileSync(join(bin, 'docker'), `#!/bin/sh\n${docker}\n`);
    chmodSync(join(bin, 'docker'), 0o755);
  }
  return bin;
}

function refusal(bin: string, ...args: string[]) {
  const env = { PATH: bin, KEYMETER_DATA_DIR: join(bin, 'data') };
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], { env, encoding: 'utf8' });
  return { status, stderr, made: existsSync(join(bin, 'data')) };
}

test.each([
  ['no docker', undefined, 'needs docker, and there is none on the PATH'],
  ['no docker compose', '[ "$1" = --version ]', 'this docker has no command "compose"'],
  ['no engine that answers', '[ "$1" != info ]', 'needs a docker engine that runs, and none answers'],
])('with %s it says so in one sentence, ends with 2 and makes nothing', (name, docker, sentence) => {
  const { status, stderr, made } = refusal(pathWith(name.replaceAll(' ', '-'), docker), '--docker');
  expect({ status, made, lines: stderr.trim().split('\n').length }).toEqual({ status: 2, made: false, lines: 1 });
  expect(stderr).toContain(sentence);
});

test.each([
  ['that it does not know', ['--dokcer'], "'--dokcer'"],
  ['that is no number', ['--ingress', 'many'], '--ingress is a number of processes'],
  ['that docker-compose.yml has decided', ['--docker', '--ingress', '3'], '--ingress does not go with --docker'],
])('an argument %s is refused', (name, args, sentence) => {
  const { status, stderr, made } = refusal(pathWith(name.replaceAll(' ', '-')), ...args);
  expect({ status, made }).toEqual({ status: 2, made: false });
  expect(stderr).toContain(sentence);
});

interface Asked {
  readonly args: string;
  readonly env: Readonly<Record<string, string>>;
}

describeWithManifests()('with docker', () => {
  const bin = join(folder, 'with-docker');
  const data = join(folder, 'data');
  let base = 0;
  let apps: Server[] = [];
  let cluster: ChildProcess;
  let ended: Promise<number | null>;

  /** The process that is asked: one line per call, its variables beside it. */
  const asked = (): Asked[] => {
    const calls = readFileSync(join(bin, 'calls'), 'utf8').trim().split('\n');
    return calls.map((line) => JSON.parse(line)).filter(({ args }) => args.includes('--project-name'));
  };

  beforeAll(async () => {
    pathWith('with-docker', `exec node "${join(bin, 'docker.mjs')}" "$@"`);
    const recording = `
      import { appendFileSync } from 'node:fs';
      appendFileSync('${join(bin, 'calls')}', JSON.stringify({ args: process.argv.slice(2).join(' '), env: process.env }) + '\\n');
      if (process.argv.includes('logs')) setInterval(() => undefined, 1e6);`;
    writeFileSync(join(bin, 'docker.mjs'), recording);
    base = await freeRange(24);
    apps = Array.from({ length: APPS }, (_, i) =>
      createServer((_request, answer) => answer.end('{}')).listen(base + i),
    );
    const env = { PATH: bin, KEYMETER_DATA_DIR: data, KEYMETER_PORT: String(base), KEYMETER_ROOT_KEY: ROOT_KEY };
    cluster = spawn(process.execPath, [SCRIPT, '--docker'], { env, stdio: 'ignore' });
    ended = new Promise((resolve) => cluster.once('exit', resolve));
    await eventually(async () => expect(asked().some(({ args }) => args.includes(' logs '))).toBe(true));
  }, 60_000);

  afterAll(() => {
    cluster.kill('SIGKILL');
    for (const app of apps) app.close();
  });

  test('it builds and starts the project of the file with its profile and waits for it', () => {
    const [up] = asked() as [Asked];
    const file = join(ROOT, 'docker-compose.yml');
    expect(up.args).toBe(
      `compose --project-name keymeter-${base} --profile apps --file ${file} up --build --detach --wait --wait-timeout 300`,
    );
    expect(up.env).toMatchObject({
      KEYMETER_ROOT_KEY: ROOT_KEY,
      KEYMETER_CLICKHOUSE_PASSWORD: readFileSync(join(data, 'clickhouse-password'), 'utf8'),
    });
  });

  test('addresses.json names the ports that docker compose would publish', () => {
    const [{ env }] = asked() as [Asked];
    const request = { read: 'compose', path: join(ROOT, 'docker-compose.yml'), environment: env, profiles: ['apps'] };
    const { services } = demandManifest<{ services: Record<string, { ports: { published: string }[] }> }>(request);
    const at = (name: string) => `127.0.0.1:${services[name]?.ports[0]?.published}`;
    expect(JSON.parse(readFileSync(join(data, 'addresses.json'), 'utf8'))).toEqual({
      ingress: [`http://${at('ingress-1')}`, `http://${at('ingress-2')}`],
      query: `http://${at('query-1')}`,
      policy: [`http://${at('policy-1')}`, `http://${at('policy-2')}`],
      consumer: [`http://${at('consumer-1')}`, `http://${at('consumer-2')}`],
      kafka: at('kafka'),
      redis: at('redis'),
      clickhouse: `http://${at('clickhouse')}`,
      clickhousePasswordFile: 'clickhouse-password',
      clickhouseUser: 'keymeter',
    });
  });

  test('SIGINT stops the project in an orderly way, and it ends with 0', async () => {
    cluster.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(asked().at(-1)?.args).toMatch(/ stop$/);
  });
});
