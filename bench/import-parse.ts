/** Lines per second of the import's own work on one core: cutting, naming, parsing and writing the event. */
import { existsSync, readFileSync } from 'node:fs';
import { LineChain } from '#domain/access-log/line-chain.js';
import { FieldMapping } from '../apps/cli/src/import/field-mapping.js';
import { FormatDecoder } from '../apps/cli/src/import/line-format.js';
import { LineSplitter } from '../apps/cli/src/import/line-splitter.js';
import { lineText } from '../apps/cli/src/import/line-text.js';

/** Beside the repository, seen from bench/ and from dist/bench/. */
const REAL_LOGS = ['../../shared/', '../../../shared/'].map(
  (base) => new URL(`${base}data/apache-access.log`, import.meta.url),
);
const CHUNK_BYTES = 256 * 1024;
const ROUNDS = 40;

export async function run(): Promise<{ name: string; linesPerSecond: number }> {
  const found = REAL_LOGS.find((log) => existsSync(log));
  const log = found === undefined ? generatedLog() : readFileSync(found);
  importOnce(log);
  const startedAt = performance.now();
  let lines = 0;
  for (let round = 0; round < ROUNDS; round++) lines += importOnce(log);
  const seconds = (performance.now() - startedAt) / 1000;
  return { name: 'import: access-log lines to events, one core', linesPerSecond: Math.round(lines / seconds) };
}

function importOnce(log: Uint8Array): number {
  const chain = new LineChain();
  const decoder = new FormatDecoder('auto', 'import/access.log', FieldMapping.parse([], []));
  let characters = 0;
  const splitter = new LineSplitter((bytes) => {
    chain.add(bytes);
    const decoded = decoder.decode(lineText(bytes), chain.id);
    if (decoded.ok) characters += decoded.json.length;
  });
  for (let start = 0; start < log.length; start += CHUNK_BYTES) splitter.push(log.subarray(start, start + CHUNK_BYTES));
  splitter.end();
  if (characters === 0) throw new Error('no line was decoded');
  return chain.line;
}

/** Lines of the real log's shape, where that is not at hand. */
function generatedLog(): Uint8Array {
  const agent =
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0 Safari/537.36';
  const lines = Array.from({ length: 10_000 }, (_, i) => {
    const second = String(i % 60).padStart(2, '0');
    return `192.0.2.${i % 250} - - [17/May/2015:10:05:${second} +0000] "GET /blog/post-${i % 90}?n=${i} HTTP/1.1" 200 ${i * 7} "http://example.org/list" "${agent}"`;
  });
  return Buffer.from(`${lines.join('\n')}\n`);
}
