import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';
import { ensureKafka } from './servers/kafka.mjs';
import { ensureManifestReader } from './servers/manifest-reader.mjs';
import { ensureRedis } from './servers/redis.mjs';

prepare();
for (const ensure of [ensureRedis, ensureKafka, ensureManifestReader]) fetchServer(ensure);
const jest = join(root, 'node_modules/jest/bin/jest.js');
const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
const args = [...node, jest, ...process.argv.slice(2)];
process.exit(spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status ?? 1);

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
