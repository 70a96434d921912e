import type { EngineSnapshotStore } from '#ports/engine-snapshot-store.js';

export interface OpenEngineSnapshotStore {
  readonly store: EngineSnapshotStore;
  /** Changes one byte of the newest stored snapshot of partition 0. */
  damageNewest(): Promise<void>;
  /** Ends the store as a stop of the process would, and opens it again. */
  reopen(): Promise<OpenEngineSnapshotStore>;
  close(): Promise<void>;
}

const snapshot = (n: number) => ({ nextOffset: n * 1_000, bytes: Buffer.from(`state ${n}`) });

export function describeEngineSnapshotStore(name: string, open: () => Promise<OpenEngineSnapshotStore>): void {
  describe(`engine snapshot store: ${name}`, () => {
    let opened: OpenEngineSnapshotStore;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.close());
    const loaded = async (partition = 0) => {
      const found = await opened.store.load(partition);
      return found && { nextOffset: found.nextOffset, bytes: Buffer.concat(found.parts.map(({ bytes }) => bytes)) };
    };

    test('the newest snapshot is loaded, each partition its own, also after the store was closed and opened', async () => {
      for (let n = 1; n <= 5; n++) await opened.store.save(0, snapshot(n));
      await opened.store.save(1, snapshot(9));
      opened = await opened.reopen();
      expect(await loaded()).toEqual(snapshot(5));
      expect(await loaded(1)).toEqual(snapshot(9));
      expect(await loaded(2)).toBeUndefined();
      expect(await Promise.all([0, 1, 2].map((n) => opened.store.nextOffset(n)))).toEqual([5_000, 9_000, undefined]);
    });

    test('a damaged newest snapshot leaves the one before, and the next save replaces the damaged one', async () => {
      for (let n = 1; n <= 3; n++) await opened.store.save(0, snapshot(n));
      await opened.damageNewest();
      expect(await loaded()).toEqual(snapshot(2));
      await opened.store.save(0, snapshot(4));
      expect(await loaded()).toEqual(snapshot(4));
      await opened.damageNewest();
      expect(await loaded()).toEqual(snapshot(2));
    });

    test('a first snapshot is saved once: it never takes the place of one that is there', async () => {
      const firsts = await Promise.all([1, 1, 1].map((n) => opened.store.saveFirst(0, snapshot(n))));
      expect(firsts.filter(Boolean)).toHaveLength(1);
      expect(await loaded()).toEqual(snapshot(1));
      await opened.store.save(0, snapshot(2));
      expect(await opened.store.saveFirst(0, snapshot(3))).toBe(false);
      opened = await opened.reopen();
      expect(await loaded()).toEqual(snapshot(2));
      await opened.damageNewest();
      expect(await loaded()).toEqual(snapshot(1));
    });

    test('a state is loaded with the parts that it follows, oldest first, and they stay as long as they are needed', async () => {
      const save = (n: number, follows: readonly (string | undefined)[]) =>
        opened.store.save(0, { ...snapshot(n), follows: follows as string[] });
      const texts = async () => (await opened.store.load(0))?.parts.map(({ bytes }) => String(Buffer.from(bytes)));
      const first = await save(1, []);
      const second = await save(2, [first]);
      const third = await save(3, [first, second]);
      expect(await texts()).toEqual(['state 1', 'state 2', 'state 3']);
      opened = await opened.reopen();
      expect((await opened.store.load(0))?.parts.map(({ id }) => id)).toEqual([first, second, third]);
      const fourth = await save(4, [third]);
      expect(await texts()).toEqual(['state 3', 'state 4']);
      await opened.damageNewest();
      expect(await texts()).toEqual(['state 1', 'state 2', 'state 3']);
      await save(5, [first, second, third]);
      expect(await save(6, [fourth])).toBeUndefined();
      expect(await texts()).toEqual(['state 1', 'state 2', 'state 3', 'state 5']);
    });

    test('a part that follows one that is gone is not saved, and nothing changes', async () => {
      const gone = await opened.store.save(0, snapshot(1));
      for (const n of [2, 3]) await opened.store.save(0, snapshot(n));
      expect(await opened.store.save(0, { ...snapshot(4), follows: [gone as string] })).toBeUndefined();
      expect(await loaded()).toEqual(snapshot(3));
      expect(await opened.store.save(1, { ...snapshot(4), follows: ['never'] })).toBeUndefined();
      expect(await loaded(1)).toBeUndefined();
    });

    test('when both are damaged there is none', async () => {
      await opened.store.save(0, snapshot(1));
      await opened.damageNewest();
      expect(await loaded()).toBeUndefined();
    });
  });
}
