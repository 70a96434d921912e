/** Lines per second of an import: reading them alone, and all the way to counted. */
import { join } from 'node:path';
import { run as parseAlone } from '../import-parse.js';
import type { Bench, Measurement } from '../measurement.js';
import { importFile } from '../servers/import-process.js';
import { KeymeterServer } from '../servers/keymeter-server.js';
import { writeAccessLog } from './access-log.js';

export async function importSuite(bench: Bench): Promise<Measurement[]> {
  bench.say('import: reading lines');
  const parsed = await parseAlone();
  return [
    { suite: 'import', name: 'lines to events, one processor', value: parsed.linesPerSecond, unit: 'lines/s' },
    await endToEnd(bench),
  ];
}

async function endToEnd(bench: Bench): Promise<Measurement> {
  const { lines } = bench.options;
  const file = join(bench.folder, 'access.log');
  bench.say(`import: writing a file of ${lines} lines`);
  await writeAccessLog(file, lines, 'end-to-end');
  const server = await KeymeterServer.start(bench.folder);
  try {
    const imported = await importFile(server, file, bench.folder);
    if (imported.accepted !== lines) throw new Error(`${imported.accepted} of ${lines} lines were accepted`);
    const catchUp = await server.drained();
    bench.say(`import: ${Math.round(lines / imported.seconds)} lines/s, all counted ${catchUp.toFixed(1)} s later`);
    return {
      suite: 'import',
      name: `keymeter import of ${lines.toLocaleString('en-US')} lines`,
      value: lines / imported.seconds,
      unit: 'lines/s',
      targets: [{ of: 'value', atLeast: 60_000 }],
      note: `process start included, all counted ${catchUp.toFixed(1)} s after the end`,
    };
  } finally {
    await server.stop();
  }
}
