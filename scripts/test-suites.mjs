/** Which suites may run side by side where a run must not fail for want of time: those that start nothing of their own. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = ['apps', 'libs', 'test'];
/** What starts servers and processes: they are killed and stopped on purpose, and waited for. */
const STARTS =
  /describeWith(Kafka|Redis)|clickhouse-front|child_process|worker_threads|standalone\.js|consumer-rig|cli-process|npm-start|test\/deploy|manifests\.js/;

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
