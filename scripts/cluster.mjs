/**
 * `npm run cluster`: the whole thing on this machine without docker: Apache Kafka, redis-server, an HTTP front over chDB
 * in place of ClickHouse, and 2 ingress, 2 consumer, 2 policy and 1 query processes, or as many as `--ingress 3` and so
 * on say. Ctrl-C stops all.
 * `npm run cluster -- --docker`: the same by docker-compose.yml, with ClickHouse itself.
 */
import { join, resolve } from 'node:path';
import { clusterArguments } from './cluster/arguments.mjs';
import { ClusterFolder } from './cluster/cluster-folder.mjs';
import { ComposeCluster, demandDocker } from './cluster/compose-cluster.mjs';
import { LocalCluster } from './cluster/local-cluster.mjs';
import { root } from './prepare.mjs';

const EXIT_CANNOT_START = 2;
const { docker, apps } = demand(() => clusterArguments(process.argv.slice(2)));
demand(docker ? demandDocker : LocalCluster.prepare);

const folder = resolve(process.env.KEYMETER_DATA_DIR ?? join(root, '.keymeter-cluster'));
const files = new ClusterFolder(folder, Number(process.env.KEYMETER_PORT ?? 8080), apps);
const cluster = docker ? new ComposeCluster(files) : new LocalCluster(files);
let stopping = false;
process.on('SIGINT', stop);
process.on('SIGTERM', stop);

try {
  await cluster.start(say);
} catch (error) {
  say(`The cluster did not start: ${error.message}`);
  process.exitCode = 1;
  await stop();
}

async function stop() {
  if (stopping) return;
  stopping = true;
  await cluster.stop().catch((error) => {
    say(`The cluster did not stop: ${error.message}`);
    process.exitCode = 1;
  });
  process.exit();
}

/** What a person has to put right ends the start with one sentence. */
function demand(step) {
  try {
    return step();
  } catch (error) {
    say(`npm run cluster: ${error.message}`);
    process.exit(EXIT_CANNOT_START);
  }
}

function say(text) {
  process.stderr.write(`${text}\n`);
}
