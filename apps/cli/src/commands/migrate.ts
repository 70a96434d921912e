import { resolve } from 'node:path';
import { clusterSettings } from '../cluster/cluster-environment.js';
import { storeFailure } from '../cluster/store-failure.js';
import type { Command, Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import type { Migration } from '../main-migrate.js';
import { grouped } from '../output/number-format.js';
import { writeTable } from '../output/table.js';

const NOTES = `Moves keys, identities, APIs, root keys, balances of credits, running windows of rate limits, meters, policies,
enforcements, events with their ids and times of acceptance, usage of events that have expired, and dead letters. The
folder stays as it is. The process that owned it must be stopped, with all of its log counted (keymeter status: no lag).

It may be killed and repeated: what is there already is not added again, and what was changed in the cluster since stays.
At the end the counts and sums of every key and month are compared; exit code 1 names the first that do not agree.

The servers come from FILE, as npm run cluster writes it, or from KEYMETER_KAFKA_BROKERS, KEYMETER_REDIS_NODES,
KEYMETER_CLICKHOUSE_URL and what goes with them, as the processes of the cluster have them. The cluster may run; send it
no traffic of the moved keys before this is done. Windows of policies begin anew.`;

export const migrateCommand: Command = {
  name: 'migrate',
  summary: 'move the data folder of a stopped standalone process into a cluster',
  usage: ['migrate --from FOLDER [--to FILE]'],
  options: {
    from: { type: 'string', value: 'FOLDER', summary: 'data folder of a standalone process, which must be stopped' },
    to: { type: 'string', value: 'FILE', summary: "addresses of the cluster's servers; default: the environment" },
  },
  notes: NOTES,
  run: runMigrate,
};

async function runMigrate({ context, options, args }: Invocation): Promise<ExitCode> {
  const from = options.text('from');
  if (from === undefined || args.length > 0) throw new CliError(EXIT.usage, 'migrate wants --from FOLDER and no more');
  const { isStandaloneFolder, migrate } = await import('../main-migrate.js');
  const folder = resolve(context.cwd, from);
  if (!isStandaloneFolder(folder)) {
    throw new CliError(EXIT.usage, `${from} is no data folder of a standalone process: it has no log, keys and usage`);
  }
  const file = options.text('to') ?? options.text('cluster') ?? context.env.KEYMETER_CLUSTER;
  const settings = await clusterSettings(context, file);
  const tell = (text: string) => {
    if (!options.flag('json')) context.stderr.write(`keymeter: ${text}\n`);
  };
  const done = await migrate(folder, settings, context, tell).catch((error: unknown) => {
    throw storeFailure(error);
  });
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(done, null, 2)}\n`);
  else writeResult(context.stdout, done);
  if (done.difference === undefined) return EXIT.ok;
  throw new CliError(EXIT.failed, `the cluster does not hold what the folder holds: ${done.difference}`);
}

function writeResult(out: Invocation['context']['stdout'], done: Migration): void {
  const records = Object.entries(done.records).map(([kind, { total, added }]) => [kind, total, added]);
  writeTable(out, ['moved', 'in the folder', 'added now'], records);
  out.write(
    `${grouped(done.rawEvents)} events, ${grouped(done.rollupDays)} older days, ${grouped(done.deadLetters)} dead letters\n`,
  );
  if (done.difference === undefined) {
    out.write(`verified: ${grouped(done.countedEvents)} counted events agree by key and month\n`);
  }
}
