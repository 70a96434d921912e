import { SystemClock } from '#adapters/clock/system-clock.js';
import { identityRecord, keyRecord } from '#contracts/key-store.contract.js';
import type { KeyRecord } from '#domain/keys/key-record.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { RedisKeyCache } from './redis-key-cache.js';
import { RedisKeyDirectory } from './redis-key-directory.js';

/** A Redis whose answers wait until they are let go, each as the data stood when it was asked. */
function held() {
  const answers: (() => void)[] = [];
  const stored = new Map<string, KeyRecord>();
  const directory = new RedisKeyDirectory((_name, args) => {
    const key = stored.get(args.at(-1) as string);
    const documents = key ? [JSON.stringify(key), JSON.stringify(identityRecord('user'))] : [];
    return new Promise((resolve) => answers.push(() => resolve(documents)));
  }, new CircuitBreaker(new SystemClock()));
  directory.epoch.adopt('epoch');
  return { cache: new RedisKeyCache(directory, 100), stored, answers };
}

const tick = () => new Promise(setImmediate);

describe('cache of keys', () => {
  test('a read in flight while its key is revoked fills nothing and is made again', async () => {
    const { cache, stored, answers } = held();
    const key = keyRecord();
    stored.set(key.hash, key);
    const read = cache.read(key.hash);
    stored.set(key.hash, { ...key, enabled: false });
    cache.apply({ part: 'hashes', field: key.hash, document: undefined });
    answers.shift()?.();
    await tick();
    expect(cache.cached(key.hash)).toBeUndefined();
    answers.shift()?.();
    expect((await read)?.key.enabled).toBe(false);
    expect(cache.cached(key.hash)?.key.enabled).toBe(false);
  });

  test('a read in flight while everything is forgotten fills nothing', async () => {
    const { cache, stored, answers } = held();
    const key = keyRecord();
    stored.set(key.hash, key);
    const read = cache.read(key.hash);
    cache.forget();
    stored.delete(key.hash);
    for (let n = 0; n < 2; n++) {
      answers.shift()?.();
      await tick();
    }
    expect(await read).toBeUndefined();
    expect(cache.cached(key.hash)).toBeUndefined();
  });

  test('who asks after a revocation does not get the answer of a read from before', async () => {
    const { cache, stored, answers } = held();
    const key = keyRecord();
    stored.set(key.hash, key);
    const early = cache.read(key.hash);
    stored.set(key.hash, { ...key, enabled: false });
    cache.apply({ part: 'hashes', field: key.hash, document: undefined });
    const late = cache.read(key.hash);
    for (let n = 0; n < 3; n++) {
      answers.shift()?.();
      await tick();
    }
    expect((await late)?.key.enabled).toBe(false);
    expect((await early)?.key.enabled).toBe(false);
  });

  test('readers of one key at the same time ask once and get the same object', async () => {
    const { cache, stored, answers } = held();
    const key = keyRecord();
    stored.set(key.hash, key);
    const reads = Array.from({ length: 50 }, () => cache.read(key.hash));
    expect(answers).toHaveLength(1);
    answers.shift()?.();
    expect(new Set(await Promise.all(reads)).size).toBe(1);
    expect(cache.cached(key.hash)).toBe(await reads[0]);
  });

  test('"no such key" is for the one who asked: a key stored meanwhile is found by those who came later', async () => {
    const { cache, stored, answers } = held();
    const key = keyRecord();
    const early = cache.read(key.hash);
    stored.set(key.hash, key);
    const late = cache.read(key.hash);
    answers.shift()?.();
    expect(await early).toBeUndefined();
    await tick();
    answers.shift()?.();
    expect((await late)?.key).toEqual(key);
  });

  test('of many keys asked for at once 64 are read, 1,024 wait for their turn, and the others are refused', async () => {
    const { cache, stored, answers } = held();
    const keys = Array.from({ length: 64 + 1_024 + 10 }, () => keyRecord());
    for (const key of keys) stored.set(key.hash, key);
    const reads = Promise.allSettled(keys.map(({ hash }) => cache.read(hash)));
    await tick();
    let most = 0;
    for (let read = 0; read < 64 + 1_024; read++) {
      most = Math.max(most, answers.length);
      answers.shift()?.();
      await tick();
    }
    expect(most).toBe(64);
    const outcomes = await reads;
    expect(outcomes.slice(0, -10).every(({ status }) => status === 'fulfilled')).toBe(true);
    const refused = { status: 'rejected', reason: { code: 'STORE_UNAVAILABLE', retryable: true } };
    for (const outcome of outcomes.slice(-10)) expect(outcome).toMatchObject(refused);
  });

  test('what is forgotten is last known until everything is read anew; what is changed is not', async () => {
    const { cache, stored, answers } = held();
    const [kept, changed] = [keyRecord(), keyRecord()];
    for (const key of [kept, changed]) {
      stored.set(key.hash, key);
      const read = cache.read(key.hash);
      answers.shift()?.();
      await read;
    }
    for (let forgotten = 0; forgotten < 2; forgotten++) cache.forget();
    cache.drop(changed.hash);
    expect(cache.cached(kept.hash)).toBeUndefined();
    expect(cache.lastKnown(kept.hash)?.key).toEqual(kept);
    expect(cache.lastKnown(changed.hash)).toBeUndefined();
    cache.renewed();
    expect(cache.lastKnown(kept.hash)).toBeUndefined();
  });

  test('a key that changes with every read is refused in the end, not guessed at', async () => {
    const { cache, answers } = held();
    const read = cache.read('hash');
    const refused = expect(read).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
    for (let n = 0; n < 5; n++) {
      cache.apply({ part: 'hashes', field: 'hash', document: undefined });
      answers.shift()?.();
      await tick();
    }
    await refused;
    expect(answers).toHaveLength(0);
  });
});
