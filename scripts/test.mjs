import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';
import { ensureKafka } from './servers/kafka.mjs';
import { ensureManifestReader } from './servers/manifest-reader.mjs';
import { ensureRedis } from './servers/redis.mjs';
import { allSuites, LONGEST, startsProcesses } from './test-suites.mjs';

prepare();
for (const ensure of [ensureRedis, ensureKafka, ensureManifestReader]) fetchServer(ensure);
const jest = join(root, 'node_modules/jest/bin/jest.js');
const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
const asked = process.argv.slice(2);
const isWholeCi = process.env.CI === 'true' && asked.length === 0 && process.env.KEYMETER_TEST_WORKERS === undefined;
const ends = (isWholeCi ? inThreeParts() : [asked]).map(
  (args) => spawnSync(process.execPath, [...node, jest, ...args], { cwd: root, stdio: 'inherit' }).status ?? 1,
);
process.exit(Math.max(...ends));

/**
 * Side by side what starts nothing of its own, and what starts a few processes; then one by one what kills many and waits
 * for them, so that no promise with a time in it is broken by a neighbour.
 */
function inThreeParts() {
  const suites = allSuites(root);
  const alone = suites.filter((suite) => LONGEST.includes(suite));
  const starting = suites.filter((suite) => !alone.includes(suite) && startsProcesses(root, suite));
  const others = suites.filter((suite) => !alone.includes(suite) && !starting.includes(suite));
  return [
    ['--maxWorkers=2', '--runTestsByPath', ...others],
    ['--maxWorkers=2', '--runTestsByPath', ...starting],
    ['--maxWorkers=1', '--runTestsByPath', ...alone],
  ];
}

/** Before the tests, which run side by side. Tests of what cannot be had are left out, and under CI fail. */
function fetchServer(ensure) {
  try {
    ensure();
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    if (process.env.CI === 'true') process.exit(1);
    process.stderr.write('Its tests are left out.\n');
  }
}
