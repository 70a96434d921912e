/** Certificates and keys that settings name as files, read once at start: each problem is one sentence with the name. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { KeymeterError } from '#domain/errors.js';

/** PEM texts, as node:tls takes them. Without `ca` the system's authorities are trusted. */
export interface TlsTexts {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN (\w+ )?PRIVATE KEY-----/;
const ENCRYPTED_KEY = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

/** `prefix` as in KEYMETER_KAFKA_TLS, the settings' names without _CA_FILE, _CERT_FILE and _KEY_FILE. */
export function readTlsFiles(prefix: string, { ca, cert, key }: TlsFiles): TlsTexts {
  const texts = {
    ...(ca === undefined ? {} : { ca: certificates(`${prefix}_CA_FILE`, ca) }),
    ...(cert === undefined ? {} : { cert: certificates(`${prefix}_CERT_FILE`, cert) }),
    ...(key === undefined ? {} : { key: privateKey(`${prefix}_KEY_FILE`, key) }),
  };
  demandUsable(prefix, texts);
  return texts;
}

function certificates(name: string, path: string): string {
  const text = textOf(name, path);
  const found = text.match(CERTIFICATES) ?? [];
  if (found.length > 0 && found.every(isDecodable)) return text;
  const trouble = found.length > 0 ? 'a certificate that cannot be decoded' : 'no certificate in PEM form';
  throw misconfigured(`${name}: ${path} holds ${trouble}; it must begin with -----BEGIN CERTIFICATE-----.`);
}

function privateKey(name: string, path: string): string {
  const text = textOf(name, path);
  if (ENCRYPTED_KEY.test(text)) {
    throw misconfigured(`${name}: ${path} is encrypted; give the key without a passphrase and protect the file.`);
  }
  if (PRIVATE_KEY.test(text)) return text;
  throw misconfigured(`${name}: ${path} holds no private key in PEM form (-----BEGIN PRIVATE KEY-----).`);
}

function textOf(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const { code = 'unknown reason' } = cause as NodeJS.ErrnoException;
    throw misconfigured(`${name}: ${path} cannot be read (${code}); name a file that this user may read.`, cause);
  }
}

/** What OpenSSL says may quote the file: it goes no further. */
function demandUsable(prefix: string, { cert, key }: TlsTexts): void {
  if (cert === undefined || key === undefined) return;
  try {
    createSecureContext({ cert, key });
  } catch {
    throw misconfigured(`${prefix}_CERT_FILE and ${prefix}_KEY_FILE do not belong together or are damaged.`);
  }
}

/** node:tls itself leaves out, without a word, what it cannot decode. */
function isDecodable(certificate: string): boolean {
  try {
    return new X509Certificate(certificate).subject !== undefined;
  } catch {
    return false;
  }
}

function misconfigured(sentence: string, cause?: unknown): KeymeterError {
  return new KeymeterError('CONFIG_INVALID', sentence, { cause });
}
