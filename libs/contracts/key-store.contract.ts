import { randomBytes } from 'node:crypto';
import type { IdentityRecord, KeyRecord } from '#domain/keys/key-record.js';
import { mintId, mintKey } from '#domain/keys/key-text.js';
import type { Confirmation, KeyStore } from '#ports/key-store.js';

export interface OpenKeyStore {
  readonly store: KeyStore;
  /** Ends the store as a stop of the process would, and opens it again. */
  reopen(): Promise<OpenKeyStore>;
  close(): Promise<void>;
}

export function keyRecord(changes: Partial<KeyRecord> = {}): KeyRecord {
  const { hash, start } = mintKey('sk', randomBytes(16));
  const id = mintId('key', randomBytes(16));
  const fixed = { apiId: 'api_1', byteLength: 16, enabled: true, permissions: [], ratelimits: [], createdAt: 1 };
  return { id, hash, start, ...fixed, ...changes };
}

export function identityRecord(externalId: string): IdentityRecord {
  return { id: mintId('id', randomBytes(16)), externalId, ratelimits: [], createdAt: 1 };
}

export function describeKeyStore(name: string, open: () => Promise<OpenKeyStore>): void {
  describe(`key store: ${name}`, () => {
    let opened: OpenKeyStore;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.close());

    test('a stored key is found by id and hash, also after the store was closed and opened', async () => {
      const key = await opened.store.insertKey(keyRecord({ meta: { a: [1, null] }, expires: 5 }));
      opened = await opened.reopen();
      expect((await opened.store.findKey(key.id))?.key).toEqual(key);
      expect((await opened.store.findByHash(key.hash))?.key).toEqual(key);
      expect(await opened.store.findByHash('unknown')).toBeUndefined();
    });

    test('two keys of one new externalId share one identity, also when both are stored at once', async () => {
      const keys = await Promise.all([
        opened.store.insertKey(keyRecord(), identityRecord('user_1')),
        opened.store.insertKey(keyRecord(), identityRecord('user_1')),
      ]);
      expect(keys[0].identityId).toBeDefined();
      expect(keys[0].identityId).toBe(keys[1].identityId);
      const identity = await opened.store.findIdentity('user_1');
      expect(identity?.id).toBe(keys[0].identityId);
      expect((await opened.store.findByHash(keys[0].hash))?.identity).toEqual(identity);
    });

    test('an externalId is taken once', async () => {
      expect(await opened.store.insertIdentity(identityRecord('user_2'))).toBe(true);
      expect(await opened.store.insertIdentity(identityRecord('user_2'))).toBe(false);
    });

    test('a change is seen by the next read by hash, hot or cold', async () => {
      const key = await opened.store.insertKey(keyRecord());
      expect((await opened.store.findByHash(key.hash))?.key.enabled).toBe(true);
      await opened.store.changeKey(key.id, { apply: (current) => ({ ...current, enabled: false }) });
      expect((await opened.store.findByHash(key.hash))?.key.enabled).toBe(false);
      const cold = await opened.store.insertKey(keyRecord());
      await opened.store.changeKey(cold.id, { apply: (current) => ({ ...current, enabled: false }) });
      expect((await opened.store.findByHash(cold.hash))?.key.enabled).toBe(false);
    });

    test('a writer is told, before its call returns, how the nodes came to know of it', async () => {
      const key = await opened.store.insertKey(keyRecord());
      const told: Confirmation[] = [];
      const hear = (confirmation: Confirmation) => told.push(confirmation);
      await opened.store.changeKey(key.id, { apply: (current) => ({ ...current, enabled: false }) }, hear);
      await opened.store.replaceKey(key.id, (old) => ({ old, successor: keyRecord() }), hear);
      await opened.store.removeKey(key.id, 9, true, hear);
      await opened.store.removeKey(key.id, 9, true, hear);
      expect(told).toEqual(Array.from({ length: 4 }, () => ({ waitedMs: expect.any(Number), lapsed: [] })));
    });

    test('under steady reads no read that starts after a change has returned sees the state before', async () => {
      const key = await opened.store.insertKey(keyRecord());
      let reading = true;
      const reads = (async () => {
        while (reading) {
          await opened.store.findByHash(key.hash);
          await new Promise(setImmediate);
        }
      })();
      for (let turn = 0; turn < 50; turn++) {
        await opened.store.changeKey(key.id, { apply: (current) => ({ ...current, name: `turn ${turn}` }) });
        expect((await opened.store.findByHash(key.hash))?.key.name).toBe(`turn ${turn}`);
      }
      await opened.store.removeKey(key.id, 9, false);
      expect(await opened.store.findByHash(key.hash)).toBeUndefined();
      reading = false;
      await reads;
      expect(await opened.store.findByHash(key.hash)).toBeUndefined();
    });

    test('changes of one key at the same time are all kept', async () => {
      const key = await opened.store.insertKey(keyRecord({ name: '' }));
      const add = (letter: string) =>
        opened.store.changeKey(key.id, { apply: (current) => ({ ...current, name: `${current.name}${letter}` }) });
      await Promise.all([...'abcdef'].map(add));
      expect((await opened.store.findKey(key.id))?.key.name).toBe('abcdef');
    });

    test('a key changes and loses its identity and leaves its listing', async () => {
      const key = await opened.store.insertKey(keyRecord(), identityRecord('user_3'));
      const identityId = key.identityId ?? '';
      expect(await opened.store.listKeys({ apiId: 'api_1', identityId, limit: 9 })).toHaveLength(1);
      const other = await opened.store.changeKey(key.id, { link: identityRecord('user_4'), apply: (it) => it });
      expect(other?.identityId).not.toBe(identityId);
      expect(await opened.store.listKeys({ apiId: 'api_1', identityId, limit: 9 })).toHaveLength(0);
      const freed = await opened.store.changeKey(key.id, { link: null, apply: (it) => it });
      expect(freed?.identityId).toBeUndefined();
      expect((await opened.store.findByHash(key.hash))?.identity).toBeUndefined();
      expect(await opened.store.listKeys({ apiId: 'api_1', limit: 9 })).toHaveLength(1);
    });

    test('a removed key is in no look-up; it stays for explanations unless it was removed for good', async () => {
      const [kept, gone] = [await opened.store.insertKey(keyRecord()), await opened.store.insertKey(keyRecord())];
      expect(await opened.store.removeKey(kept.id, 7, false)).toBe(true);
      expect(await opened.store.removeKey(gone.id, 7, true)).toBe(true);
      expect(await opened.store.removeKey(kept.id, 8, true)).toBe(false);
      opened = await opened.reopen();
      expect((await opened.store.findKey(kept.id))?.key.deletedAt).toBe(7);
      expect(await opened.store.findKey(gone.id)).toBeUndefined();
      expect(await opened.store.findByHash(kept.hash)).toBeUndefined();
      expect(await opened.store.listKeys({ apiId: 'api_1', limit: 9 })).toEqual([]);
      expect(await opened.store.changeKey(kept.id, { apply: (it) => it })).toBeUndefined();
    });

    test('a replaced key and its successor change together', async () => {
      const key = await opened.store.insertKey(keyRecord());
      await opened.store.findByHash(key.hash);
      const fresh = keyRecord();
      const successor = await opened.store.replaceKey(key.id, (old) => ({
        old: { ...old, expires: 5 },
        successor: { ...old, id: fresh.id, hash: fresh.hash },
      }));
      expect(successor?.id).toBe(fresh.id);
      expect((await opened.store.findByHash(key.hash))?.key.expires).toBe(5);
      expect((await opened.store.findByHash(fresh.hash))?.key.id).toBe(fresh.id);
    });

    test('pages of a listing cover every key of the API once', async () => {
      const inserted = await Promise.all(Array.from({ length: 25 }, () => opened.store.insertKey(keyRecord())));
      await opened.store.insertKey(keyRecord({ apiId: 'api_2' }));
      const listed: string[] = [];
      for (let after: string | undefined; ; after = listed.at(-1)) {
        const page = await opened.store.listKeys({ apiId: 'api_1', limit: 10, after });
        listed.push(...page.map((view) => view.key.id));
        if (page.length < 10) break;
      }
      expect(listed).toEqual(inserted.map((key) => key.id).sort());
    });

    test('a root key is found until it is removed, and every change moves the generation', async () => {
      const rootKey = { id: 'root_1', hash: 'h1', start: 'km_1', name: 'r', rights: ['*'], createdAt: 1 };
      const before = opened.store.rootKeyGeneration;
      await opened.store.putRootKey(rootKey);
      expect(opened.store.findRootKey('h1')).toEqual(rootKey);
      expect(opened.store.rootKeyGeneration).toBeGreaterThan(before);
      await opened.store.putRootKey({ ...rootKey, hash: 'h2' });
      expect(opened.store.findRootKey('h1')).toBeUndefined();
      opened = await opened.reopen();
      expect(opened.store.findRootKey('h2')?.id).toBe('root_1');
      expect(await opened.store.removeRootKey('root_1')).toBe(true);
      expect(opened.store.findRootKey('h2')).toBeUndefined();
    });
  });
}
