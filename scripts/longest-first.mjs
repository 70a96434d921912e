/**
 * The order of the suites: the longest first, so that no worker is left alone with one of minutes when all others are
 * done. Jest's own order goes by the times of an earlier run, which a fresh clone does not have.
 */

/** Of those that take half a minute and more by themselves on two idle cores, longest first. */
const LONGEST = [
  'test/faults.e2e',
  'test/crash/slow-rename.e2e',
  'test/steps/steps.e2e',
  'test/consumer/lost-position.e2e',
  'test/cluster.e2e',
  'test/promises/01-reconciliation.e2e',
  'apps/consumer/src/usage-writer-http',
  'test/cluster/raise-partitions.e2e',
  'test/promises/14-stores-away.e2e',
  'test/bad-inputs/bad-inputs.e2e',
  'libs/adapters/migration/usage-copy',
  'test/cluster/regrouped-policy.e2e',
  'test/crash/crash.e2e',
  'test/consumer/interrupted.e2e',
  'test/crash/full-disk.e2e',
  'test/real-log.e2e',
  'test/cluster/redis-lost.e2e',
  'test/readme.e2e',
  'libs/adapters/kafka/kafka-group',
].map((name) => `${name}.test.ts`);

export default class LongestFirst {
  sort(tests) {
    return [...tests].sort((a, b) => rank(a.path) - rank(b.path) || (a.path < b.path ? -1 : 1));
  }

  /** For `--onlyFailures`: nothing is kept of earlier runs. */
  allFailedTests(tests) {
    return tests;
  }

  cacheResults() {}
}

function rank(path) {
  const at = LONGEST.findIndex((name) => path.endsWith(`/${name}`));
  if (at >= 0) return at;
  return LONGEST.length + (path.endsWith('.e2e.test.ts') ? 0 : 1); // whole processes take longer than parts of one
}
