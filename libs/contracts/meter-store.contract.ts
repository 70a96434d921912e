/** What every meter store promises, whatever keeps it. */
import { changeMeter, createMeter, type Meter, meterDefinition } from '#domain/meters/meter.js';
import type { MeterStore } from '#ports/meter-store.js';

export interface OpenMeterStore {
  /** Limits: five living meters, eight in all. */
  readonly store: MeterStore;
  reopen(): Promise<OpenMeterStore>;
  close(): Promise<void>;
}

const CREATED = 1_000;
let made = 0;

function meter(slug: string, more: object = {}): Meter {
  const definition = meterDefinition.parse({ slug, aggregation: 'SUM', eventType: 't', valueProperty: '$.v', ...more });
  return createMeter(definition, `01J0000000000000000000${String(made++).padStart(4, '0')}`, CREATED);
}

export function describeMeterStore(name: string, open: () => Promise<OpenMeterStore>): void {
  describe(`meter store on ${name}`, () => {
    let opened: OpenMeterStore;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.close());

    test('a created meter is found by id and slug, also after a restart', async () => {
      const tokens = meter('tokens', { groupBy: { model: '$.model' }, metadata: { team: 'a' } });
      expect(await opened.store.create(tokens)).toBe('created');
      opened = await opened.reopen();
      expect(await opened.store.find('tokens')).toEqual(tokens);
      expect(await opened.store.find(tokens.id)).toEqual(tokens);
      expect(await opened.store.find('nope')).toBeUndefined();
    });

    test('a living slug cannot be taken, not even by two calls at once', async () => {
      const results = await Promise.all([
        opened.store.create(meter('a')),
        opened.store.create(meter('a', { name: 'second' })),
      ]);
      expect(results.sort()).toEqual(['created', 'slug_taken']);
      expect(await opened.store.list()).toHaveLength(1);
    });

    test('a deleted meter frees its slug and stays readable by id', async () => {
      const first = meter('a');
      await opened.store.create(first);
      expect(await opened.store.remove(first.id, 5)).toEqual({ ...first, deletedAt: 5 });
      expect(await opened.store.remove(first.id, 9)).toEqual({ ...first, deletedAt: 5 });
      expect(await opened.store.find('a')).toBeUndefined();
      expect(await opened.store.find(first.id)).toEqual({ ...first, deletedAt: 5 });
      const second = meter('a');
      expect(await opened.store.create(second)).toBe('created');
      expect(await opened.store.list()).toEqual([second]);
      expect(await opened.store.list({ includeDeleted: true })).toHaveLength(2);
      expect(await opened.store.remove('01J00000000000000000009999', 5)).toBeUndefined();
    });

    test('an update replaces a living meter only', async () => {
      const first = meter('a', { groupBy: { x: '$.x' } });
      await opened.store.create(first);
      const changed = await opened.store.update(first.id, (old) => changeMeter(old, { name: 'N' }, 7));
      expect(changed).toEqual({ ...first, name: 'N', groupBy: {}, updatedAt: 7 });
      await opened.store.remove(first.id, 9);
      expect(await opened.store.update(first.id, (old) => ({ ...old, name: 'M' }))).toBeUndefined();
      expect((await opened.store.find(first.id))?.name).toBe('N');
    });

    test('the number of meters is bounded, living and in all', async () => {
      const meters = [1, 2, 3, 4, 5].map((n) => meter(`m${n}`));
      for (const each of meters) expect(await opened.store.create(each)).toBe('created');
      expect(await opened.store.create(meter('m6'))).toBe('full');
      for (const { id } of meters.slice(0, 4)) await opened.store.remove(id, 1);
      for (const slug of ['m7', 'm8', 'm9']) expect(await opened.store.create(meter(slug))).toBe('created');
      expect(await opened.store.create(meter('m10'))).toBe('full');
    });

    test('built-in meters are created once: a deleted one does not come back', async () => {
      await opened.store.ensureBuiltIn([meter('requests'), meter('bytes')]);
      const requests = await opened.store.find('requests');
      await opened.store.remove(requests?.id ?? '', 1);
      opened = await opened.reopen();
      await opened.store.ensureBuiltIn([meter('requests'), meter('bytes')]);
      expect((await opened.store.list()).map(({ slug }) => slug)).toEqual(['bytes']);
    });

    test('a built-in meter does not replace one that a user made before', async () => {
      const own = meter('requests', { name: 'own' });
      await opened.store.create(own);
      await opened.store.ensureBuiltIn([meter('requests')]);
      expect(await opened.store.find('requests')).toEqual(own);
    });
  });
}
