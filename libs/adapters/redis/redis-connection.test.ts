import { eventually } from '../../../test/support/eventually.js';
import { freePort } from '../../../test/support/free-port.js';
import { describeWithRedis, TestRedis } from '../../../test/support/redis-server.js';
import { LuaScript } from './lua-script.js';
import { RedisConnection, type RedisConnectionOptions } from './redis-connection.js';

const COUNT = new LuaScript("return redis.call('INCRBY', KEYS[1], ARGV[1])");

const describeRedis = await describeWithRedis();

describeRedis('a connection to Redis', () => {
  let redis: TestRedis;
  let connection: RedisConnection;

  const to = (more: Partial<RedisConnectionOptions> = {}): RedisConnectionOptions => ({
    mode: 'standalone',
    nodes: [{ host: '127.0.0.1', port: redis.port }],
    commandTimeoutMs: 500,
    ...more,
  });
  const count = (by = 1) => connection.run((client) => COUNT.run(client, ['n'], [by]));

  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.close());
  beforeEach(async () => {
    connection = await RedisConnection.open(to());
    await connection.run((client) => client.flushall());
  });
  afterEach(() => connection.close());

  test('a script is known again after SCRIPT FLUSH and after a restart of the server', async () => {
    expect(await count()).toBe(1);
    await redis.ask('SCRIPT FLUSH');
    expect(await count()).toBe(2);
    await redis.halt();
    await redis.restart();
    await eventually(async () => expect(await count(0)).toBe(2));
  });

  test('commands in flight when the server dies are rejected at once and not done again later', async () => {
    redis.pause();
    const calls = Array.from({ length: 20 }, () => count());
    const settled = Promise.allSettled(calls);
    await redis.kill9();
    for (const each of await settled) {
      expect(each).toMatchObject({ status: 'rejected', reason: { code: 'STORE_UNAVAILABLE', retryable: true } });
    }
    await redis.restart();
    await eventually(async () => expect(await count(0)).toBe(0));
    expect(connection.trouble).toBeUndefined();
  });

  test('a server that does not answer is given up after the time-out, with the answer in doubt', async () => {
    redis.pause();
    try {
      await expect(count()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', inDoubt: true });
    } finally {
      redis.resume();
    }
  });

  test('without a connection a command is refused, not queued', async () => {
    await redis.halt();
    await eventually(() => expect(connection.ready).toBe(false));
    await expect(count()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', inDoubt: false });
    await redis.restart();
    await eventually(async () => expect(await count(0)).toBe(0));
  });

  test('a full, a read-only and a busy server are unavailable, and nothing was done', async () => {
    const unavailable = { code: 'STORE_UNAVAILABLE', retryable: true, inDoubt: false };
    await redis.ask('CONFIG SET maxmemory 1');
    await expect(count()).rejects.toMatchObject(unavailable);
    await redis.ask('CONFIG SET maxmemory 0');
    await redis.ask(`REPLICAOF 127.0.0.1 ${await freePort()}`);
    await expect(count()).rejects.toMatchObject(unavailable);
    await redis.ask('REPLICAOF NO ONE');
    await eventually(async () => expect(await count(0)).toBe(0));
    await redis.ask('CONFIG SET busy-reply-threshold 10');
    const endless = connection.another({ commandTimeoutMs: 20_000 });
    const running = (await endless).run((client) => client.eval('while true do end', 0)).catch((error) => error);
    await eventually(async () => expect(await redis.ask('PING')).toContain('BUSY'));
    await expect(count()).rejects.toMatchObject(unavailable);
    await redis.ask('SCRIPT KILL');
    await running;
    await (await endless).close();
    expect(await count(0)).toBe(0);
  });

  test('a server that evicts keys, one that is a replica and one that is away are refused at the start', async () => {
    await redis.ask('CONFIG SET maxmemory-policy allkeys-lru');
    await expect(RedisConnection.open(to())).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('noeviction'),
    });
    await redis.ask('CONFIG SET maxmemory-policy noeviction');
    const nodes = [{ host: '127.0.0.1', port: await freePort() }];
    await expect(RedisConnection.open(to({ nodes }))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      retryable: true,
      message: expect.stringContaining('ECONNREFUSED'),
    });
    await redis.ask('CONFIG SET replica-serve-stale-data yes');
    await redis.ask(`REPLICAOF 127.0.0.1 ${await freePort()}`);
    await expect(RedisConnection.open(to())).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await redis.ask('REPLICAOF NO ONE');
  });

  test('a wrong password is told without the password', async () => {
    const failure = await RedisConnection.open(to({ username: 'x', password: 'pw-secret' })).catch((error) => error);
    expect(failure).toMatchObject({ code: 'STORE_REFUSED' });
    expect(`${failure.message} ${failure.cause} ${JSON.stringify(failure)}`).not.toContain('pw-secret');
  });

  test('an error of a command shows none of its arguments', async () => {
    await connection.run((client) => client.set('text', 'x'));
    const failure = await connection.run((client) => client.hset('text', 'secret-field', 'v')).catch((error) => error);
    expect(failure).toMatchObject({ code: 'STORE_REFUSED' });
    expect(JSON.stringify([failure, failure.cause, failure.message])).not.toContain('secret-field');
  });
});
