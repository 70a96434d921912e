/** What a request asks for: the statement, the rows that come with it, settings and parameters. */
import { promisify } from 'node:util';
import { brotliDecompress, gunzip } from 'node:zlib';
import { Refusal } from './refusal.mjs';

const MAX_BODY_BYTES = 512 * 1024 * 1024;
const NOT_SETTINGS = new Set([
  'query',
  'query_id',
  'database',
  'user',
  'password',
  'default_format',
  'session_id',
  'role',
]);
const DECOMPRESS = { gzip: promisify(gunzip), br: promisify(brotliDecompress) };

export async function readStatement(request, url, watch) {
  const body = await unpacked(request, await readBody(request, watch));
  const fields = new Map(url.searchParams);
  let data;
  const boundary = /^multipart\/form-data;\s*boundary=(.+)$/.exec(request.headers['content-type'] ?? '')?.[1];
  if (boundary) for (const [name, value] of formParts(body.toString('utf8'), boundary)) fields.set(name, value);
  else if (fields.has('query')) data = body.length > 0 ? body : undefined;
  else fields.set('query', body.toString('utf8'));
  const statement = {
    sql: fields.get('query') ?? '',
    data,
    settings: {},
    params: {},
    database: fields.get('database'),
  };
  for (const [name, value] of fields) {
    if (name.startsWith('param_')) statement.params[name.slice('param_'.length)] = value;
    else if (!NOT_SETTINGS.has(name)) statement.settings[name] = value;
  }
  statement.format = fields.get('default_format') ?? request.headers['x-clickhouse-format'] ?? 'TabSeparated';
  if (statement.sql.trim() === '') throw new Refusal(62, 'SYNTAX_ERROR', 'Empty query');
  return statement;
}

/** The whole body: rows of a request that was cut in the middle never reach the engine. */
async function readBody(request, watch) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES)
      throw new Refusal(131, 'TOO_LARGE_STRING_SIZE', `The body is over ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
    watch?.(length);
  }
  return Buffer.concat(chunks, length);
}

async function unpacked(request, body) {
  const encoding = request.headers['content-encoding'];
  if (!encoding || body.length === 0) return body;
  const decompress = DECOMPRESS[encoding];
  if (!decompress) throw new Refusal(48, 'NOT_IMPLEMENTED', `Unknown compression method: ${encoding}`);
  return decompress(body, { maxOutputLength: MAX_BODY_BYTES });
}

function* formParts(text, boundary) {
  for (const part of text.split(`--${boundary}`)) {
    const end = part.indexOf('\r\n\r\n');
    const name = /name="([^"]+)"/.exec(part.slice(0, Math.max(0, end)))?.[1];
    if (name) yield [name, part.slice(end + 4, -2)];
  }
}
