/** An authority, and certificates that it signs for 127.0.0.1 and localhost: made by openssl, for an hour. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const DAYS = '1';
const EXTENSIONS = 'subjectAltName=IP:127.0.0.1,DNS:localhost\n';

export interface Certificate {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
}

export class Authority {
  private constructor(
    private readonly folder: string,
    private readonly name: string,
  ) {
    const keys = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', this.#path('key')];
    openssl('req', '-x509', ...keys, '-out', this.ca, '-days', DAYS, '-subj', `/CN=${name}`);
  }

  static make(folder: string, name: string): Authority {
    return new Authority(folder, name);
  }

  /** The PEM file that makes those trusted whom it signed. */
  get ca(): string {
    return this.#path('pem');
  }

  sign(name: string): Certificate {
    const [cert, key, request, extensions] = ['pem', 'key', 'csr', 'ext'].map((end) =>
      this.#path(`${name}.${end}`),
    ) as [string, string, string, string];
    writeFileSync(extensions, EXTENSIONS);
    const keys = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key];
    openssl('req', ...keys, '-out', request, '-subj', `/CN=${name}`);
    const by = ['-CA', this.ca, '-CAkey', this.#path('key'), '-CAcreateserial', '-extfile', extensions];
    openssl('x509', '-req', '-in', request, ...by, '-out', cert, '-days', DAYS);
    return { cert, key };
  }

  /** Key and certificate in one file, as Kafka's PEM key stores want them. */
  signStore(name: string): string {
    const { cert, key } = this.sign(name);
    const store = this.#path(`${name}.store.pem`);
    writeFileSync(store, readFileSync(key, 'utf8') + readFileSync(cert, 'utf8'));
    return store;
  }

  #path(end: string): string {
    return join(this.folder, `${this.name}.${end}`);
  }
}

function openssl(...args: string[]): void {
  const { status, stderr, error } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args[0]} failed: ${error?.message ?? stderr}`);
}
