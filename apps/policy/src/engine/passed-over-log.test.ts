import { join } from 'node:path';
import type { LoggerService } from '@nestjs/common';
import { Registry } from 'prom-client';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbEngineSnapshotStore } from '#adapters/lmdb/lmdb-engine-snapshot-store.js';
import { PolicyEngine } from '#domain/policies/engine.js';
import { takeSnapshot } from '#domain/policies/engine-snapshot.js';
import { RegroupedEngine } from '#domain/policies/regrouped-engine.js';
import { EnforcementSink } from '#ports/enforcement-sink.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';
import { PassedOverLog } from './passed-over-log.js';
import { PolicyRunner } from './policy-runner.js';
import { RegroupedRunner } from './regrouped-runner.js';

const root = temporaryFolder('passed-over');
const PACE = { snapshotEveryMs: 1_000, snapshotEveryEvents: 1e9 };

class NoSink extends EnforcementSink {
  async enforce(): Promise<'known'> {
    return 'known';
  }
}

test('records that retention took before policies had seen them are told as an error with the way out, and counted', async () => {
  const environment = await openEnvironment(join(root, 'lmdb'));
  const snapshots = new LmdbEngineSnapshotStore(environment);
  const said: { event: string; reason: string }[] = [];
  const registry = new Registry();
  const log = new PassedOverLog(registry, { error: (line: (typeof said)[number]) => said.push(line) } as LoggerService);
  const clock = new ManualClock(0);
  const options = { ...PACE, onPassedOver: log.of('events') };
  const runner = new PolicyRunner(snapshots, new NoSink(), clock, options);
  await snapshots.save(0, { nextOffset: 40, bytes: takeSnapshot(new PolicyEngine()) });
  await runner.open(0, 40, []);
  await runner.open(1, 100, []); // without a snapshot it is a beginning, not a gap
  expect(said).toEqual([]);
  await runner.open(0, 100, []);
  expect(runner.startOffset(0)).toBe(100);
  expect(said).toMatchObject([{ event: 'records were lost to policies', partition: 0, from: 40, to: 100 }]);
  expect(said[0]?.reason).toContain('KEYMETER_LOG_RETENTION_HOURS');

  await snapshots.save(2, { nextOffset: 5, bytes: RegroupedEngine.create('topic').nextPart().bytes });
  const onPassedOver = log.of('regrouped');
  const onUnreadable = () => undefined;
  const regrouped = new RegroupedRunner(snapshots, new NoSink(), clock, {
    ...PACE,
    log: 'topic',
    onPassedOver,
    onUnreadable,
  });
  await regrouped.open(2, 12);
  expect(said).toHaveLength(2);
  const metric = await registry.getSingleMetric('keymeter_policy_passed_over_records_total')?.get();
  expect(metric?.values.map(({ labels, value }) => [labels.log, value])).toEqual([
    ['events', 60],
    ['regrouped', 7],
  ]);
  await environment.close();
});
