/** Charts, compose files and Dockerfiles as Helm, docker compose and BuildKit read them. */
import { join } from 'node:path';
import { describeWith, serverScript } from '../support/server-script.js';

export const ROOT = join(import.meta.dirname, '../..');
export const CHART = join(ROOT, 'infra/helm/keymeter');

export interface Answer<T> {
  readonly read?: T;
  readonly error?: string;
}

interface ReaderScript {
  ensureManifestReader(): string;
  readManifests(requests: readonly object[]): Answer<unknown>[];
}

const script = await serverScript<ReaderScript>('manifest-reader.mjs');

/** `describe` where the reader can be compiled, see describeWith. */
export function describeWithManifests(): jest.Describe {
  return describeWith('manifests', script.ensureManifestReader);
}

export function readManifest<T>(request: object): Answer<T> {
  return script.readManifests([request])[0] as Answer<T>;
}

export function demandManifest<T>(request: object): T {
  const { read, error } = readManifest<T>(request);
  if (read === undefined) throw new Error(error);
  return read;
}
