/** docker-compose.yml as docker compose reads it: what it starts exists, and each app can start with what it is given. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readSettings } from '#runtime/config/read-settings.js';
import { serverScript } from '../support/server-script.js';
import { demandManifest, describeWithManifests, ROOT, readManifest } from './manifests.js';

interface Service {
  readonly image: string;
  readonly command: readonly string[] | null;
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports: readonly { readonly host_ip: string; readonly published: string; readonly target: number }[];
  readonly volumes: readonly { readonly type: string; readonly source: string; readonly target: string }[];
  readonly stop_grace_period?: string;
}

interface Project {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const SERVERS = ['kafka', 'redis', 'clickhouse'];
const environment = { KEYMETER_CLICKHOUSE_PASSWORD: 'a password', KEYMETER_ROOT_KEY: 'a root key of 20 letters' };
const request = { read: 'compose', path: join(ROOT, 'docker-compose.yml') };

describeWithManifests()('docker-compose.yml', () => {
  let services: Project['services'];
  let volumes: Project['volumes'];
  let apps: [string, Service][];
  beforeAll(() => {
    ({ services, volumes } = demandManifest<Project>({ ...request, environment, profiles: ['apps'] }));
    apps = Object.entries(services).filter(([name]) => !SERVERS.includes(name));
  });

  test('has the servers, and with its profile the processes that npm run cluster starts', async () => {
    const bare = demandManifest<Project>({ ...request, environment });
    expect(Object.keys(bare.services).sort()).toEqual([...SERVERS].sort());
    const { clusterArguments } = await serverScript<{ clusterArguments(args: string[]): { apps: string[] } }>(
      '../cluster/arguments.mjs',
    );
    expect(apps.map(([name]) => name.split('-')[0]).sort()).toEqual(clusterArguments([]).apps.sort());
  });

  test('is refused without a password for ClickHouse', () => {
    expect(readManifest(request).error).toContain('set a password for ClickHouse');
  });

  test('each app starts with the settings it is given, and they lead to the servers', () => {
    for (const [name, { environment: env = {}, depends_on = {} }] of apps) {
      const settings = readSettings(env);
      expect(settings).toMatchObject({ KEYMETER_STORES: 'cluster', KEYMETER_NODE_ID: name });
      const {
        KEYMETER_KAFKA_BROKERS: kafka,
        KEYMETER_REDIS_NODES: redis,
        KEYMETER_CLICKHOUSE_URL: clickhouse,
      } = settings;
      expect([kafka, redis, clickhouse]).toEqual([['kafka:9094'], ['redis:6379'], 'http://clickhouse:8123']);
      expect(settings.KEYMETER_CLICKHOUSE_PASSWORD).toBe(services['clickhouse']?.environment?.['CLICKHOUSE_PASSWORD']);
      expect(settings.KEYMETER_CLICKHOUSE_USER).toBe(services['clickhouse']?.environment?.['CLICKHOUSE_USER']);
      for (const server of SERVERS) expect(depends_on[server]?.condition).toBe('service_healthy');
    }
  });

  test('Kafka tells programs of this machine and containers each the address that leads back to it', () => {
    const { environment: env = {}, ports } = demandManifest<Project>({
      ...request,
      environment: { ...environment, KAFKA_PORT: '9999' },
    }).services['kafka'] as Service;
    expect(ports).toMatchObject([{ host_ip: '127.0.0.1', published: '9999', target: 9092 }]);
    expect(env['KAFKA_ADVERTISED_LISTENERS']).toBe('PLAINTEXT://localhost:9999,INSIDE://kafka:9094');
    expect(env['KAFKA_LISTENERS']).toContain('PLAINTEXT://:9092,INSIDE://:9094');
  });

  test('each app runs a program that the build makes, on a folder of its own that stays', () => {
    for (const [name, { command, volumes: mounts }] of apps) {
      const app = name.split('-')[0];
      expect(command).toEqual([`dist/run/${app}.js`]);
      expect(existsSync(join(ROOT, `apps/${app}/src/main.ts`))).toBe(true);
      expect(mounts).toMatchObject([{ type: 'volume', source: name, target: '/data' }]);
    }
    const used = Object.values(services).flatMap((it) => it.volumes.map(({ source }) => source));
    expect(used.sort()).toEqual(Object.keys(volumes).sort());
  });

  test('an app may write to its folder alone, has no rights, and is given the time that it takes to stop', () => {
    for (const [, service] of apps) {
      expect(service).toMatchObject({
        read_only: true,
        tmpfs: ['/tmp'],
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
      const { KEYMETER_SHUTDOWN_MS } = readSettings(service.environment ?? {});
      expect(Number(service.stop_grace_period?.replace('s', '')) * 1000).toBeGreaterThan(KEYMETER_SHUTDOWN_MS);
    }
  });

  test('every server is healthy before an app starts, and its version is fixed', () => {
    for (const server of SERVERS) {
      expect(services[server]?.healthcheck?.test[0]).toBe('CMD');
      expect(services[server]?.image).toMatch(/:\d+\.\d+\.\d+/);
    }
  });

  test('nothing listens beyond this machine, and no port is taken twice', () => {
    const ports = Object.values(services).flatMap((it) => it.ports);
    expect(new Set(ports.map(({ host_ip }) => host_ip))).toEqual(new Set(['127.0.0.1']));
    expect(new Set(ports.map(({ published }) => published)).size).toBe(ports.length);
  });

  test('Redis keeps what it has answered and lets nothing go', () => {
    expect(services['redis']?.command?.join(' ')).toBe(
      'redis-server --appendonly yes --appendfsync always --maxmemory-policy noeviction',
    );
  });
});
