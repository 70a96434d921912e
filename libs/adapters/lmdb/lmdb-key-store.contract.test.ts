import { join } from 'node:path';
import { describeKeyStore, keyRecord, type OpenKeyStore } from '#contracts/key-store.contract.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { DATA_FORMAT, openEnvironment } from './environment.js';
import { LmdbKeyStore } from './lmdb-key-store.js';

const folder = temporaryFolder('key-store');
let count = 0;

async function openAt(path: string, maxCachedKeys?: number): Promise<OpenKeyStore> {
  const environment = await openEnvironment(path);
  const close = () => environment.close();
  return {
    store: new LmdbKeyStore(environment, maxCachedKeys),
    close,
    reopen: async () => {
      await close();
      return openAt(path, maxCachedKeys);
    },
  };
}

describeKeyStore('LMDB', () => openAt(join(folder, String(count++))));
describeKeyStore('LMDB with a cache of two keys', () => openAt(join(folder, String(count++)), 2));

test('no file of the store holds the key itself', async () => {
  const { readdirSync, readFileSync } = await import('node:fs');
  const { mintKey } = await import('#domain/keys/key-text.js');
  const path = join(folder, 'secret');
  const opened = await openAt(path);
  const minted = mintKey('sk', Buffer.alloc(16, 7));
  await opened.store.insertKey(keyRecord({ hash: minted.hash, start: minted.start }));
  await opened.close();
  const bytes = readdirSync(path).map((file) => readFileSync(join(path, file), 'latin1'));
  expect(bytes.some((text) => text.includes(minted.hash))).toBe(true);
  expect(bytes.some((text) => text.includes(minted.key.slice(8)))).toBe(false);
});

test('data of a newer format is refused, not guessed at', async () => {
  const path = join(folder, 'newer');
  const environment = await openEnvironment(path);
  await environment.openDB<number, string>({ name: 'meta', encoding: 'json' }).put('format', DATA_FORMAT + 1);
  await environment.close();
  await expect(openEnvironment(path)).rejects.toMatchObject({ code: 'FORMAT_TOO_NEW' });
});
