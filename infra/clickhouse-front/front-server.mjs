/** The HTTP side: who asks, what is asked, and the answer, or one of the planned faults in its place. */
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { Answer } from './answer.mjs';
import { Refusal, toRefusal } from './refusal.mjs';
import { readStatement } from './statement.mjs';

const KEEP_ALIVE_MS = 10_000; // as a ClickHouse server

export async function startFront({ engine, faults, port, user, password }) {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 }, (request, response) => {
    serve({ engine, faults, user, password }, request, response).catch(() => request.socket.destroy());
  });
  server.maxConnections = 1_000;
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const close = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), 2_000).unref();
    });
  return { port: server.address().port, close };
}

async function serve({ engine, faults, user, password }, request, response) {
  const url = new URL(request.url, 'http://front');
  if (url.pathname === '/ping') return void response.end('Ok.\n');
  const queryId = url.searchParams.get('query_id') ?? randomUUID();
  const acceptsGzip =
    url.searchParams.get('enable_http_compression') === '1' &&
    /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  const answer = new Answer(response, { acceptsGzip, queryId });
  try {
    demandUser(request, url, user, password);
    let fault = faults.take(url.searchParams.get('query') ?? '');
    const statement = await readStatement(
      request,
      url,
      fault?.kind === 'cut' ? cutter(request, fault.bytes) : undefined,
    );
    if (!fault && !url.searchParams.has('query')) fault = faults.take(statement.sql);
    faults.note(statement, fault);
    if (fault) await withFault(fault, { engine, statement, answer, request, response });
    else if (engine.canStream(statement)) await streamed(engine, statement, answer);
    else await answer.whole(await engine.run(statement));
  } catch (error) {
    await answer.refusal(toRefusal(error));
  }
}

async function streamed(engine, statement, answer) {
  await engine.stream(statement, (bytes) => answer.piece(bytes));
  answer.endStream();
}

async function withFault(fault, { engine, statement, answer, request, response }) {
  if (fault.kind === 'status') return void response.writeHead(fault.status).end('upstream is away\n');
  if (fault.kind === 'exception') throw new Refusal(fault.code, fault.name, 'planned by the front');
  if (fault.kind === 'hang') return;
  if (fault.kind === 'cut') return void request.socket.resetAndDestroy(); // also where the body was shorter
  const { bytes } = await engine.run(statement);
  if (fault.kind === 'done-hang') return;
  if (fault.kind === 'done-reset') return void response.socket.resetAndDestroy();
  if (fault.kind === 'done-tail') {
    const text = `Code: ${fault.code || 241}. DB::Exception: planned by the front. (${fault.name || 'MEMORY_LIMIT_EXCEEDED'})\n`;
    return answer.exceptionInBody(bytes, text);
  }
  const sent = bytes.length > 0 ? bytes : Buffer.from('\n\n');
  response.writeHead(200, { 'Content-Length': sent.length });
  response.write(sent.subarray(0, Math.ceil(sent.length / 2)), () => {
    if (fault.kind === 'done-half') setImmediate(() => response.socket?.resetAndDestroy());
  });
}

function cutter(request, bytes) {
  return (length) => {
    if (length >= bytes) request.socket.resetAndDestroy();
  };
}

function demandUser(request, url, user, password) {
  const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const [name = '', ...rest] = basic ? Buffer.from(basic, 'base64').toString('utf8').split(':') : [];
  const given = basic
    ? { name, secret: rest.join(':') }
    : {
        name: request.headers['x-clickhouse-user'] ?? url.searchParams.get('user') ?? 'default',
        secret: request.headers['x-clickhouse-key'] ?? url.searchParams.get('password') ?? '',
      };
  if (given.name === user && same(given.secret, password)) return;
  throw new Refusal(
    516,
    'AUTHENTICATION_FAILED',
    `${given.name}: Authentication failed: password is incorrect, or there is no user with such name`,
  );
}

function same(a, b) {
  const digest = (text) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
