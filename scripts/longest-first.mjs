/**
 * The order of the suites: the longest first, so that no worker is left alone with one of minutes when all others are
 * done. Jest's own order goes by the times of an earlier run, which a fresh clone does not have.
 */

import { LONGEST } from './test-suites.mjs';

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
