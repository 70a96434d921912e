import { join } from 'node:path';
import type { RootDatabase } from 'lmdb';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { describeEnforcementStore, enforcementOf } from '#contracts/enforcement-store.contract.js';
import { describeEngineSnapshotStore } from '#contracts/engine-snapshot-store.contract.js';
import { describePolicyStore } from '#contracts/policy-store.contract.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { ActiveEnforcements } from './active-enforcements.js';
import { openEnvironment } from './environment.js';
import { LmdbEnforcementStore } from './lmdb-enforcement-store.js';
import { LmdbEngineSnapshotStore } from './lmdb-engine-snapshot-store.js';
import { LmdbPolicyStore } from './lmdb-policy-store.js';

const folder = temporaryFolder('policy-stores');
let count = 0;

interface Opened<Parts> {
  reopen(): Promise<Parts & Opened<Parts>>;
  close(): Promise<void>;
}

async function openAt<Parts>(path: string, parts: (root: RootDatabase) => Parts): Promise<Parts & Opened<Parts>> {
  const root = await openEnvironment(path);
  const close = () => root.close();
  const reopen = async () => {
    await close();
    return openAt(path, parts);
  };
  return { ...parts(root), close, reopen };
}

const fresh = () => join(folder, String(count++));

describePolicyStore('LMDB', () => openAt(fresh(), (root) => ({ store: new LmdbPolicyStore(root) })));

describeEnforcementStore('LMDB', () => {
  const clock = new ManualClock();
  return openAt(fresh(), (root) => ({ store: new LmdbEnforcementStore(root, clock), clock }));
});

describeEngineSnapshotStore('LMDB', () =>
  openAt(fresh(), (root) => ({
    store: new LmdbEngineSnapshotStore(root),
    async damageNewest() {
      const parts = root.openDB<Buffer, [number, number]>({ name: 'engine_state_parts', encoding: 'binary' });
      const newest = [...parts.getRange({ start: [0, 0], end: [0, 1e9] })].at(-1);
      const value = Buffer.from(newest?.value as Buffer);
      value[value.length - 1] = (value.at(-1) as number) ^ 1;
      await parts.put(newest?.key as [number, number], value);
    },
  })),
);

test('the index of active enforcements forgets what has ended', () => {
  const index = new ActiveEnforcements();
  for (let n = 0; n < 10_000; n++) {
    const target = { per: 'key', value: `k${n}` } as const;
    index.refresh(enforcementOf(`e${n}`, n, { target }), n);
  }
  expect(index.targets).toBeLessThanOrEqual(2_001); // 1,000 are held at any time
  expect(index.at('key', 'k9999', 9_999)).toHaveLength(1);
});
