/**
 * An HTTP front over chDB that speaks the part of ClickHouse's HTTP interface which @clickhouse/client uses. The engine
 * is ClickHouse's own, in this one process: for trying out and for tests, never in place of a server in production.
 */
import { parseArgs } from 'node:util';
import { startControl } from './control-server.mjs';
import { Engine } from './engine.mjs';
import { Faults } from './faults.mjs';
import { startFront } from './front-server.mjs';

const { values } = parseArgs({
  options: {
    folder: { type: 'string' },
    port: { type: 'string', default: '8123' },
    user: { type: 'string', default: 'default' },
    /** Port of the fault switches, for tests; without it there are none. */
    control: { type: 'string' },
    /** Ends when its standard input does, so that it never outlives who started it. */
    'follow-stdin': { type: 'boolean', default: false },
  },
});
if (!values.folder) throw new Error('--folder names the folder of the data');

const password = process.env.CLICKHOUSE_PASSWORD ?? '';
const engine = new Engine(values.folder);
const faults = new Faults({ records: values.control !== undefined });
const front = await startFront({ engine, faults, port: Number(values.port), user: values.user, password });
const control = values.control === undefined ? undefined : await startControl(faults, Number(values.control));

process.once('SIGTERM', stop);
process.once('SIGINT', stop);
if (values['follow-stdin']) process.stdin.resume().once('end', stop);
process.stdout.write(`${JSON.stringify({ port: front.port, control: control?.port })}\n`);

async function stop() {
  control?.close();
  await front.close();
  await engine.close();
  process.exit(0);
}
