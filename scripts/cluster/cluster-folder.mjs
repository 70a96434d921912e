/** What a cluster on one machine keeps between two starts: where it listens, and the password of its ClickHouse. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const SERVER_PORTS = { kafka: 20, controller: 21, redis: 22, clickhouse: 23 }; // above the base port

export class ClusterFolder {
  #isNew;
  #apps;

  /** `apps`: which ones, in the order of their ports. */
  constructor(path, basePort, apps) {
    this.#apps = apps;
    this.path = path;
    this.basePort = basePort;
    this.addressesFile = join(path, 'addresses.json');
    this.passwordFile = join(path, 'clickhouse-password');
    this.#isNew = !existsSync(this.addressesFile);
    mkdirSync(path, { recursive: true });
  }

  portOf(server) {
    return this.basePort + SERVER_PORTS[server];
  }

  /** Each app with its number among those of its kind. */
  apps() {
    return this.#apps.map((app, i) => {
      const number = this.#apps.slice(0, i + 1).filter((name) => name === app).length;
      return { app, name: `${app}-${number}`, port: this.basePort + i, url: `http://127.0.0.1:${this.basePort + i}` };
    });
  }

  /** One that is not told what its root key is makes one at its first start. */
  rootKey() {
    return process.env.KEYMETER_ROOT_KEY ?? (this.#isNew ? `keymeter_${randomBytes(24).toString('hex')}` : undefined);
  }

  /** Made once and kept beside the data that it protects. */
  clickhousePassword() {
    if (!existsSync(this.passwordFile)) {
      writeFileSync(this.passwordFile, randomBytes(16).toString('hex'), { mode: 0o600 });
    }
    return readFileSync(this.passwordFile, 'utf8').trim();
  }

  /** `more`: what only one way of running knows. Returns all of it. */
  writeAddresses({ kafka, redis, clickhouse }, more = {}) {
    const urls = (kind) => this.apps().flatMap(({ app, url }) => (app === kind ? [url] : []));
    const [query] = urls('query');
    const apps = { ingress: urls('ingress'), query, policy: urls('policy'), consumer: urls('consumer') };
    // Beside this file, for those who may read it.
    const clickhousePasswordFile = relative(this.path, this.passwordFile);
    const addresses = { ...apps, kafka, redis, clickhouse, clickhousePasswordFile, ...more };
    writeFileSync(`${this.addressesFile}.new`, `${JSON.stringify(addresses, null, 2)}\n`);
    renameSync(`${this.addressesFile}.new`, this.addressesFile);
    return addresses;
  }

  /** What a person reads once everything is ready; `rest` are lines of one way of running. */
  startedText(addresses, newRootKey, rest) {
    return [
      '',
      'keymeter runs as a cluster.',
      `ingress      ${addresses.ingress.join('  ')}`,
      `query        ${addresses.query}`,
      `policies     ${addresses.policy.join('  ')}`,
      `addresses    ${this.addressesFile}`,
      ...(newRootKey ? [`root key     ${newRootKey}   (shown this once; only its hash is stored)`] : []),
      '',
      'For the command line (npx keymeter), with KEYMETER_ROOT_KEY or after npx keymeter login:',
      `  export KEYMETER_CLUSTER=${this.addressesFile}`,
      '',
      ...rest,
    ].join('\n');
  }
}
