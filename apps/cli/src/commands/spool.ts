import { resolve } from 'node:path';
import type { SpoolState } from '#adapters/cluster/spool-state.js';
import { clusterSettings } from '../cluster/cluster-environment.js';
import { storeFailure } from '../cluster/store-failure.js';
import type { Command, Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { byteSize, grouped, utcTime } from '../output/number-format.js';
import { printable } from '../output/table.js';

const NOTES = `FOLDER is the data folder of an ingress or policy process, by default KEYMETER_DATA_DIR. A node that starts again
on its folder brings what it left into Kafka by itself; drain is for one that does not come back. It sends in the order
in which events were recorded and refuses while the node runs. It may be interrupted and repeated: events that Kafka has
already are dropped as duplicates.

drain needs the servers of the cluster: KEYMETER_KAFKA_BROKERS, KEYMETER_REDIS_NODES, KEYMETER_CLICKHOUSE_URL and what
goes with them, as the node had them, or --cluster FILE. Only Kafka is talked to.

show exits with 1 where bytes are damaged that a start would not cut.`;

export const spoolCommand: Command = {
  name: 'spool',
  summary: 'look at what a node of a cluster has not brought into Kafka, and bring it there',
  usage: ['spool show [FOLDER]', 'spool drain [FOLDER] [--cluster FILE]'],
  options: {},
  notes: NOTES,
  async run(invocation) {
    const [action, folder, more] = invocation.args;
    if (more !== undefined) throw new CliError(EXIT.usage, 'spool takes one FOLDER');
    if (action === 'show') return show(invocation, folderOf(invocation, folder));
    if (action === 'drain') return drain(invocation, folderOf(invocation, folder));
    throw new CliError(EXIT.usage, 'spool wants show or drain');
  },
};

function folderOf({ context }: Invocation, named: string | undefined): string {
  const folder = named ?? context.env.KEYMETER_DATA_DIR;
  if (folder) return resolve(context.cwd, folder);
  throw new CliError(EXIT.usage, 'spool wants the data FOLDER of a node, or KEYMETER_DATA_DIR');
}

async function stateOf(folder: string): Promise<SpoolState> {
  const { spoolState } = await import('../main-spool.js');
  const state = await spoolState(folder);
  if (state !== undefined) return state;
  throw new CliError(
    EXIT.usage,
    `${folder} is no data folder of an ingress or policy process of a cluster: it has no spool`,
  );
}

async function show({ context, options }: Invocation, folder: string): Promise<ExitCode> {
  const state = await stateOf(folder);
  const { waiting, damaged } = state;
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(state, null, 2)}\n`);
  else {
    const lines = [
      ['folder', printable(state.folder)],
      ['node', state.inUse ? 'running; it brings this into Kafka itself' : 'not running'],
      ['files', byteSize(state.bytes)],
      ['waiting', `${grouped(waiting.events)} events in ${grouped(waiting.frames)} frames, ${byteSize(waiting.bytes)}`],
      ...(waiting.oldest === undefined ? [] : [['oldest', utcTime(waiting.oldest)]]),
      ...(waiting.newest === undefined ? [] : [['newest', utcTime(waiting.newest)]]),
      ...damaged.map((place) => ['damaged', damageText(place)]),
    ];
    for (const [name = '', text = ''] of lines) context.stdout.write(`${name.padEnd(9)}${text}\n`);
  }
  return damaged.some(({ torn }) => !torn) ? EXIT.failed : EXIT.ok;
}

function damageText({ file, byte, offset, bytes, torn }: SpoolState['damaged'][number]): string {
  const what = torn ? 'torn by a crash, never answered; it will be cut' : 'to be mended from a copy';
  return `${printable(file)}, byte ${byte}, record ${offset}, ${grouped(bytes)} bytes: ${what}`;
}

async function drain({ context, options }: Invocation, folder: string): Promise<ExitCode> {
  const before = await stateOf(folder);
  const settings = await clusterSettings(context, options.text('cluster') ?? context.env.KEYMETER_CLUSTER);
  const { drainSpool } = await import('../main-spool.js');
  let told = false;
  const drained = await drainSpool(folder, settings, context, (error) => {
    if (!told) context.stderr.write(`keymeter: ${error.message}; trying again\n`);
    told = true;
  }).catch((error: unknown) => {
    throw storeFailure(error);
  });
  const { frames, complete } = drained;
  const events = complete ? before.waiting.events : undefined;
  if (options.flag('json')) context.stdout.write(`${JSON.stringify({ complete, frames, events }, null, 2)}\n`);
  else if (complete)
    context.stdout.write(
      `${grouped(before.waiting.events)} events in ${grouped(frames)} frames are in Kafka now; nothing waits\n`,
    );
  if (!complete)
    throw new CliError(EXIT.failed, `interrupted after ${grouped(frames)} frames; run it again for the rest`);
  return EXIT.ok;
}
