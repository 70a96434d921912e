/** Which suites there are, which of them start servers and processes, and which take longest. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = ['apps', 'libs', 'test'];
/** What starts servers and processes: they are killed and stopped on purpose, and waited for. */
const STARTS =
  /describeWith(Kafka|Redis)|clickhouse-front|child_process|worker_threads|standalone\.js|consumer-rig|cli-process|npm-start|test\/deploy|manifests\.js/;

/** Of those that take half a minute and more by themselves on two idle cores, longest first. */
export const LONGEST = [
  'test/faults.e2e',
  'test/crash/crash.e2e',
  'test/steps/steps.e2e',
  'test/consumer/interrupted.e2e',
  'test/consumer/lost-position.e2e',
  'test/crash/slow-rename.e2e',
  'test/cluster/redis-lost.e2e',
  'test/cluster/raise-partitions.e2e',
  'test/cluster/migrate.e2e',
  'test/cluster.e2e',
  'test/promises/exact-limits.e2e',
  'test/promises/14-stores-away.e2e',
  'test/cluster/regrouped-policy.e2e',
].map((name) => `${name}.test.ts`);

/** Paths of all suites from the root on. */
export function allSuites(root) {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => join(folder, name)),
  );
}

export function startsProcesses(root, suite) {
  return suite.endsWith('.e2e.test.ts') || STARTS.test(readFileSync(join(root, suite), 'utf8'));
}
