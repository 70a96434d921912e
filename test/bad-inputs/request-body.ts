/** The bytes and the path of a request, with what `generate` builds put in its place. */
import { gzipSync } from 'node:zlib';
import type { BadRequest, Generate } from './bad-input.js';
import { fillText, fillValue, type Placeholders } from './placeholders.js';

export interface BuiltRequest {
  readonly path: string;
  /** Undefined: the request has no body at all. */
  readonly body: Buffer | undefined;
}

export function buildRequest(request: BadRequest, placeholders: Placeholders): BuiltRequest {
  const path = fillText(request.path, placeholders);
  const { generate } = request;
  if (generate?.into === 'path') return { path: path + generatedText(generate), body: undefined };
  if (generate?.into === 'raw') return { path, body: generatedBytes(generate) };
  if (request.rawBase64 !== undefined) return { path, body: Buffer.from(request.rawBase64, 'base64') };
  if (request.raw !== undefined) return { path, body: Buffer.from(fillText(request.raw, placeholders)) };
  if (request.body === undefined) return { path, body: undefined };
  const body = fillValue(request.body, placeholders);
  if (generate) place(body, generate.into.split('.').slice(1), generatedValue(generate));
  return { path, body: Buffer.from(JSON.stringify(body)) };
}

function generatedText({ prefix, repeat = '', times = 0, suffix }: Generate): string {
  return prefix + repeat.repeat(times) + suffix;
}

function generatedValue(generate: Generate): unknown {
  return generate.item === undefined ? generatedText(generate) : new Array(generate.count ?? 0).fill(generate.item);
}

function generatedBytes(generate: Generate): Buffer {
  const plain = Buffer.from(generatedText(generate));
  const bytes = generate.encoding === 'gzip' ? gzipSync(plain) : plain;
  if (generate.cutTo === undefined) return bytes;
  if (generate.cutTo >= bytes.length) throw new Error(`cutTo ${generate.cutTo} cuts nothing off ${bytes.length} bytes`);
  return bytes.subarray(0, generate.cutTo);
}

function place(target: unknown, path: readonly string[], value: unknown): void {
  const last = path.at(-1) as string;
  let holder = target as Record<string, unknown>;
  for (const name of path.slice(0, -1)) holder = holder[name] as Record<string, unknown>;
  holder[last] = value;
}
