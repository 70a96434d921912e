/**
 * The fault driver with fixed seeds: a whole cluster and a single process under load, every process, server and link
 * disturbed, every promise judged from outside.
 */
import { join } from 'node:path';
import { BREAKABLE, type Breakable, brokenBuild } from './faults/broken-protections.js';
import { CLUSTER_KINDS } from './faults/cluster-kinds.js';
import { ClusterSubject } from './faults/cluster-subject.js';
import { embeddedFaults } from './faults/embedded-faults.js';
import type { Stage } from './faults/injection.js';
import { judgedRun } from './faults/judged-run.js';
import { broken } from './faults/judgement.js';
import { writeReport } from './faults/report.js';
import { schedule } from './faults/schedule.js';
import { StandaloneSubject } from './faults/standalone-subject.js';
import { describeWithKafka } from './support/kafka-server.js';
import { describeWithRedis } from './support/redis-server.js';
import { temporaryFolder } from './support/temp-folder.js';

const TIMEOUT_MS = 900_000;
const LONGEST_MS = 600_000;
const CLUSTER_SEED = 20;
const EMBEDDED_SEED = 5;
const suites = [await describeWithRedis(), await describeWithKafka()];
const withServers = suites.find((it) => it !== describe) ?? describe;
const folder = temporaryFolder('faults');
const say = (text: string) => process.stderr.write(`faults: ${text}\n`);

function plan<S extends Stage>(name: string, seed: number, faults: number, kinds: Parameters<typeof schedule<S>>[2]) {
  return { seed, faults, kinds, folder: join(folder, name), longestMs: LONGEST_MS, say };
}

withServers('a cluster', () => {
  test(
    'keeps every promise through 20 faults',
    async () => {
      const run = plan('cluster', CLUSTER_SEED, 20, CLUSTER_KINDS);
      const report = await judgedRun(run, (data) => ClusterSubject.start({ folder: data }));
      writeReport(folder, report);
      expect([...broken(report), ...report.story]).toEqual([]);
      expect(report.faults).toHaveLength(20);
      expect(report.totals['acknowledged']).toBeGreaterThan(1_000);
      expect(report.totals['askedAfterRevoke']).toBeGreaterThan(10);
    },
    TIMEOUT_MS,
  );
});

describe('a single process', () => {
  test(
    'keeps every promise through 8 faults',
    async () => {
      const run = plan('embedded', EMBEDDED_SEED, 8, embeddedFaults);
      const report = await judgedRun(run, (data) => StandaloneSubject.start({ folder: data }));
      expect([...broken(report), ...report.story]).toEqual([]);
      expect(report.faults).toHaveLength(8);
      expect(report.totals['acknowledged']).toBeGreaterThan(1_000);
    },
    TIMEOUT_MS,
  );
});

test('a seed gives the same schedule each time, another one another', () => {
  const texts = [1, 1, 2].map((seed) => JSON.stringify([...schedule(seed, 50, CLUSTER_KINDS)]));
  expect(texts[0]).toBe(texts[1]);
  expect(texts[0]).not.toBe(texts[2]);
});

test.each(Object.keys(BREAKABLE) as Breakable[])('the protection %s is found in the build', (name) => {
  expect(() => brokenBuild(name)).not.toThrow();
});
