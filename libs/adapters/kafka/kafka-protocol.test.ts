import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { logLevel } from 'kafkajs';
import { Connection, createLogger, RawEncoder, type RawRequest, socketFactory } from './kafka-protocol.js';

const PAYLOAD = Buffer.from('an answer of some length');

/** Answers each request with its correlation id and the payload; of the first answer only `cutAfter` bytes come. */
function broker(cutAfter: number): Promise<Server> {
  let answered = 0;
  const server = createServer((socket: Socket) => {
    socket.on('data', (request) => {
      const answer = Buffer.alloc(8 + PAYLOAD.length);
      answer.writeInt32BE(4 + PAYLOAD.length, 0);
      request.copy(answer, 4, 8, 12); // length, key, version, then the correlation id
      PAYLOAD.copy(answer, 8);
      if (answered++ === 0 && cutAfter < answer.length) socket.end(answer.subarray(0, cutAfter));
      else socket.write(answer);
    });
    socket.on('error', () => undefined);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

const question: RawRequest<string> = {
  request: { apiKey: 18, apiVersion: 0, apiName: 'ApiVersions', encode: async () => new RawEncoder() },
  response: { decode: async (raw) => raw.toString(), parse: async (text) => text },
};

async function connectTo(server: Server) {
  const connection = new Connection({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    logger: createLogger({ level: logLevel.NOTHING, logCreator: () => () => undefined }),
    socketFactory: socketFactory(),
    requestTimeout: 2_000,
    connectionTimeout: 2_000,
  });
  await connection.connect();
  return connection;
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}

async function close(connection: { disconnect(): Promise<unknown> }, server: Server): Promise<void> {
  await connection.disconnect();
  await new Promise((resolve) => server.close(resolve));
}

test.each([2, 6, 20])('an answer cut after %i bytes spoils no answer of the next connection', async (cutAfter) => {
  const server = await broker(cutAfter);
  const connection = await connectTo(server);
  await expect(connection.send(question)).rejects.toThrow('Closed connection');
  for (let n = 0; n < 3; n++) {
    await connection.connect();
    expect(await connection.send(question)).toBe(PAYLOAD.toString());
  }
  await close(connection, server);
});

test('a connection on which no request waits has no timer', async () => {
  const server = await broker(Number.POSITIVE_INFINITY);
  const connection = await connectTo(server);
  const before = timers();
  expect(await connection.send(question)).toBe(PAYLOAD.toString());
  expect(timers()).toBe(before);
  await close(connection, server);
});

test('a request that the broker has asked to wait is sent when the time is over', async () => {
  const server = await broker(Number.POSITIVE_INFINITY);
  const connection = await connectTo(server);
  const { requestQueue } = connection as unknown as { requestQueue: { maybeThrottle(ms: number): void } };
  requestQueue.maybeThrottle(30);
  const asked = Date.now();
  expect(await connection.send(question)).toBe(PAYLOAD.toString());
  expect(Date.now() - asked).toBeGreaterThanOrEqual(25);
  await close(connection, server);
});
