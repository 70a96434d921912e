import { join } from 'node:path';
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbKeyStore } from '#adapters/lmdb/lmdb-key-store.js';
import { hashKey } from '#domain/keys/key-text.js';
import { KeyStore } from '#ports/key-store.js';
import { provided } from '#runtime/provided.js';
import { type RunningApp, runApp } from '../../../test/support/running-app.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { createHttpApp } from './create-http-app.js';
import { Requires } from './requires.decorator.js';
import { RootKeyGuard } from './root-key.guard.js';
import { RootKeys } from './root-keys.js';

@Controller('api/v1')
@UseGuards(RootKeyGuard)
class GuardedController {
  @Get('usage')
  @Requires('usage.read_usage')
  usage() {
    return 'usage';
  }

  @Get('any')
  any() {
    return 'any';
  }
}

@Module({ controllers: [GuardedController], providers: [RootKeys] })
class GuardedModule {}

const folder = temporaryFolder('guard');
let store: LmdbKeyStore;
let app: RunningApp;
let closeStore: () => Promise<void>;

beforeAll(async () => {
  const environment = await openEnvironment(join(folder, 'lmdb'));
  store = new LmdbKeyStore(environment);
  closeStore = () => environment.close();
  await put('reader', ['usage.*.read_usage']);
  await put('other', ['api.*.read_key']);
  const root = { module: class TestRoot {}, imports: [provided([[KeyStore, store]]), GuardedModule] };
  app = await runApp(await createHttpApp(root, { logger: false }));
});
afterAll(async () => {
  await app.close();
  await closeStore();
});

const put = (text: string, rights: string[]) =>
  store.putRootKey({ id: text, hash: hashKey(text), start: text, name: text, rights, createdAt: 0 });
const status = async (path: string, text?: string) => {
  const headers: Record<string, string> = text ? { authorization: `Bearer ${text}` } : {};
  return (await app.inject({ method: 'GET', url: `/api/v1/${path}`, headers })).statusCode;
};

test('a route needs the right it names; a route that names none needs any root key', async () => {
  expect(await Promise.all([status('usage', 'reader'), status('usage', 'other'), status('any', 'other')])).toEqual([
    200, 403, 200,
  ]);
  expect(await Promise.all([status('usage'), status('any', 'nobody')])).toEqual([401, 401]);
});

test('the refusal is a problem document that names the missing right', async () => {
  const headers = { authorization: 'Bearer other' };
  const answer = await app.inject({ method: 'GET', url: '/api/v1/usage', headers });
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(answer.json().detail).toBe('Missing one of these permissions: usage.*.read_usage');
});

test('a root key that was in use is refused from the moment its removal or change has returned', async () => {
  await put('temporary', ['*']);
  expect(await status('usage', 'temporary')).toBe(200);
  await put('temporary', []);
  expect(await status('usage', 'temporary')).toBe(403);
  await store.removeRootKey('temporary');
  expect(await status('usage', 'temporary')).toBe(401);
});
