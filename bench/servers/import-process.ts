/** `keymeter import` as a user runs it, against a server of the bench. */
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { KeymeterServer } from './keymeter-server.js';
import { spawnNode } from './pinned-process.js';

const SCRIPT = fileURLToPath(new URL('../../run/cli.js', import.meta.url));

export interface ImportedFile {
  readonly accepted: number;
  readonly malformed: number;
  readonly seconds: number;
  /** Of these, until every line was acknowledged, and so durable. */
  readonly storedSeconds: number;
}

interface Summary {
  readonly accepted: number;
  readonly malformed: number;
  readonly complete: boolean;
  readonly seconds: number;
  readonly storedSeconds: number;
}

export async function importFile(server: KeymeterServer, file: string, home: string): Promise<ImportedFile> {
  const env = { HOME: home, KEYMETER_URL: server.url, KEYMETER_ROOT_KEY: server.rootKey };
  const start = performance.now();
  const child = spawnNode(SCRIPT, { args: ['import', file, '--json'], env });
  const printed = await text(child.stdout as NodeJS.ReadableStream);
  const seconds = (performance.now() - start) / 1_000;
  const [summary] = (JSON.parse(printed) as { files: Summary[] }).files;
  if (!summary?.complete) throw new Error(`the import is incomplete: ${printed}`);
  const { accepted, malformed } = summary;
  return { accepted, malformed, seconds, storedSeconds: seconds - (summary.seconds - summary.storedSeconds) };
}
