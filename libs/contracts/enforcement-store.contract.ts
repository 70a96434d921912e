import type { ManualClock } from '#adapters/clock/manual-clock.js';
import type { Enforcement } from '#domain/policies/enforcement.js';
import type { EnforcementOutbox } from '#ports/enforcement-outbox.js';
import type { EnforcementStore } from '#ports/enforcement-store.js';
import type { EnforcementSwitch, SwitchState } from '#ports/enforcement-switch.js';

export interface OpenEnforcementStore {
  readonly store: EnforcementStore & EnforcementOutbox & EnforcementSwitch;
  readonly clock: ManualClock;
  /** Ends the store as a stop of the process would, and opens it again. */
  reopen(): Promise<OpenEnforcementStore>;
  close(): Promise<void>;
}

export function enforcementOf(id: string, begin: number, change: Partial<Enforcement> = {}): Enforcement {
  return {
    id,
    policyId: 'pol_1',
    policyName: 'one',
    policyVersion: 1,
    mode: 'on',
    action: { type: 'suspend' },
    target: { per: 'key', value: 'k1' },
    window: { kind: 'sliding', start: begin - 60_000, end: begin },
    value: 4,
    threshold: 3,
    cause: { partition: 0, offset: 1, index: 0 },
    events: [{ partition: 0, offset: 1, index: 0 }],
    eventCount: 4,
    begin,
    until: begin + 1_000,
    ...change,
  };
}

const lifted = { at: 5, by: 'root', reason: 'mistake' };

export function describeEnforcementStore(name: string, open: () => Promise<OpenEnforcementStore>): void {
  describe(`enforcement store: ${name}`, () => {
    let opened: OpenEnforcementStore;
    let now: number;
    beforeEach(async () => {
      opened = await open();
      now = opened.clock.now();
    });
    afterEach(() => opened.close());
    const active = (at = now) => opened.store.activeFor('key', 'k1', at).map(({ id }) => id);

    test('an enforcement holds its target when the call returns, and after the store was closed and opened', async () => {
      expect(await opened.store.enforce(enforcementOf('e1', now))).toBe('created');
      expect(active()).toEqual(['e1']);
      opened = await opened.reopen();
      expect(active()).toEqual(['e1']);
      expect(await opened.store.find('e1')).toEqual(enforcementOf('e1', now));
      expect(opened.store.activeFor('identity', 'k1', now)).toEqual([]);
      expect(opened.store.activeFor('key', 'k2', now)).toEqual([]);
    });

    test('the same enforcement again is known and changes nothing, also at the same time and after a lift', async () => {
      const both = ['first', 'second'].map((policyName) =>
        opened.store.enforce(enforcementOf('e1', now, { policyName })),
      );
      expect(await Promise.all(both)).toEqual(['created', 'known']);
      await opened.store.lift('e1', lifted);
      expect(await opened.store.enforce(enforcementOf('e1', now))).toBe('known');
      expect(active()).toEqual([]);
      expect(await opened.store.find('e1')).toMatchObject({ policyName: 'first', lifted });
    });

    test('while it is paused nobody is held, also after the store was closed and opened; then whoever still would be', async () => {
      const paused: SwitchState = { isPaused: true, at: now, by: 'root', reason: '', rowId: 'row_1', isRecorded: true };
      await opened.store.enforce(enforcementOf('e1', now));
      expect(await opened.store.state()).toBeUndefined();
      expect(await opened.store.turn(paused, undefined)).toBe(true);
      expect(active()).toEqual([]);
      opened = await opened.reopen();
      expect(active()).toEqual([]);
      expect(await opened.store.state()).toEqual(paused);
      await opened.store.enforce(enforcementOf('e2', now));
      expect(active()).toEqual([]);
      expect(await opened.store.turn({ ...paused, isPaused: false }, paused)).toBe(true);
      expect(active()).toEqual(['e1', 'e2']);
    });

    test('who turns the switch from a state that is not the newest any more changes nothing', async () => {
      const paused: SwitchState = { isPaused: true, at: now, by: 'root', reason: '', rowId: 'row_1', isRecorded: true };
      expect(await opened.store.turn(paused, undefined)).toBe(true);
      expect(await opened.store.turn({ ...paused, isPaused: false }, undefined)).toBe(false);
      expect(await opened.store.state()).toEqual(paused);
    });

    test('it ends by itself at until; without until it stays', async () => {
      await opened.store.enforce(enforcementOf('e1', now));
      await opened.store.enforce(enforcementOf('e2', now, { until: null }));
      expect(active(now + 999)).toEqual(['e1', 'e2']);
      expect(active(now + 1_000)).toEqual(['e2']);
      expect(active(now + 1e12)).toEqual(['e2']);
    });

    test('shadow, warnings and what has ended hold nobody', async () => {
      await opened.store.enforce(enforcementOf('shadow', now, { mode: 'shadow' }));
      await opened.store.enforce(enforcementOf('warn', now, { action: { type: 'warn' } }));
      await opened.store.enforce(enforcementOf('old', now - 5_000));
      expect(active()).toEqual([]);
      opened = await opened.reopen();
      expect(active()).toEqual([]);
      expect(await opened.store.list({ limit: 10 })).toHaveLength(3);
    });

    test('a lift ends it for good; the first lift stands; an unknown id is undefined', async () => {
      await opened.store.enforce(enforcementOf('e1', now, { until: null }));
      expect(await opened.store.lift('e1', lifted)).toMatchObject({ lifted });
      expect(active()).toEqual([]);
      expect(await opened.store.lift('e1', { ...lifted, reason: 'again' })).toMatchObject({ lifted });
      expect(await opened.store.lift('e2', lifted)).toBeUndefined();
      opened = await opened.reopen();
      expect(active()).toEqual([]);
    });

    test('a lift at the time of the enforcement leaves nobody held', async () => {
      const [, after] = await Promise.all([
        opened.store.enforce(enforcementOf('e1', now, { until: null })),
        opened.store.lift('e1', lifted),
      ]);
      expect(after).toMatchObject({ lifted });
      expect(active()).toEqual([]);
    });

    test('the first verdict that obeyed stands, also through a lift at the same time', async () => {
      await opened.store.enforce(enforcementOf('e1', now));
      const told = [
        opened.store.obeyed('e1', now + 3),
        opened.store.lift('e1', lifted),
        opened.store.obeyed('e1', now + 9),
      ];
      expect(await Promise.all(told)).toEqual([true, expect.objectContaining({ lifted }), false]);
      expect(await opened.store.obeyed('e2', now)).toBe(false);
      opened = await opened.reopen();
      expect(await opened.store.find('e1')).toEqual({ ...enforcementOf('e1', now), lifted, obeyedAt: now + 3 });
    });

    test('lists newest first, by pages, and by policy, target, mode and what holds now', async () => {
      for (let n = 0; n < 450; n++) {
        await opened.store.enforce(
          enforcementOf(`e${String(n).padStart(3, '0')}`, now - (n % 3) * 10_000, {
            policyId: n === 440 ? 'pol_2' : 'pol_1',
            mode: n % 2 ? 'on' : 'shadow',
            target: n % 10 ? { per: 'key', value: 'k1' } : { per: 'data.plan', value: 'x'.repeat(512) },
          }),
        );
      }
      const all = await opened.store.list({ limit: 1_000 });
      expect(all).toHaveLength(450);
      const order = all.map(({ begin, id }) => `${String(begin).padStart(20)} ${id}`);
      expect(order).toEqual([...order].sort().reverse());
      const pages: string[] = [];
      for (let after: string | undefined; ; after = pages.at(-1)) {
        const page = await opened.store.list({ limit: 100, after });
        pages.push(...page.map(({ id }) => id));
        if (page.length < 100) break;
      }
      expect(pages).toEqual(all.map(({ id }) => id));
      const count = async (filter: object) => (await opened.store.list({ limit: 1_000, ...filter })).length;
      expect(await count({ policyId: 'pol_2' })).toBe(1);
      expect(await count({ per: 'data.plan', value: 'x'.repeat(512) })).toBe(45);
      expect(await count({ per: 'key', value: 'k1', mode: 'on', policyId: 'pol_2' })).toBe(0);
      expect(await count({ mode: 'on' })).toBe(225);
      expect(await count({ activeAt: now })).toBe(75);
    });

    test('what ended while the store was closed holds nobody, and what did not still does', async () => {
      await opened.store.enforce(enforcementOf('short', now, { until: now + 10 }));
      await opened.store.enforce(enforcementOf('long', now, { until: now + 1_000 }));
      opened.clock.advance(10);
      for (let n = 0; n < 2; n++) opened = await opened.reopen();
      expect(active(now)).toEqual(['long']);
      expect(await opened.store.find('short')).toBeDefined();
    });

    test('what has no audit row yet is kept until it is said to be recorded', async () => {
      await opened.store.enforce(enforcementOf('e1', now));
      await opened.store.enforce(enforcementOf('e2', now));
      opened = await opened.reopen();
      for (let n = 0; n < 2; n++) await opened.store.recorded('e1');
      expect((await opened.store.unrecorded(10)).map(({ id }) => id)).toEqual(['e2']);
      expect([await opened.store.isUnrecorded('e1'), await opened.store.isUnrecorded('e2')]).toEqual([false, true]);
    });
  });
}
