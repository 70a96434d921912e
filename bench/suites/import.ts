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
    ...(await endToEnd(bench)),
  ];
}

async function endToEnd(bench: Bench): Promise<Measurement[]> {
  const { lines } = bench.options;
  const file = join(bench.folder, 'access.log');
  bench.say(`import: writing a file of ${lines} lines`);
  await writeAccessLog(file, lines, 'end-to-end');
  const server = await KeymeterServer.start(bench.folder);
  try {
    const imported = await importFile(server, file, bench.folder);
    if (imported.accepted !== lines) throw new Error(`${imported.accepted} of ${lines} lines were accepted`);
    const catchUp = await server.drained();
    return ofImport(bench, lines, imported.storedSeconds, imported.seconds + catchUp);
  } finally {
    await server.stop();
  }
}

function ofImport(bench: Bench, lines: number, storedSeconds: number, countedSeconds: number): Measurement[] {
  const stored = lines / storedSeconds;
  const counted = lines / countedSeconds;
  bench.say(
    `import: ${Math.round(stored)} lines/s until all are durable, ${Math.round(counted)} until all are counted`,
  );
  const name = `keymeter import of ${lines.toLocaleString('en-US')} lines`;
  const note = 'process start included';
  const targets = [{ of: 'value', atLeast: 60_000 }] as const;
  return [
    { suite: 'import', name: `${name}, all durable`, value: stored, unit: 'lines/s', targets, note },
    { suite: 'import', name: `${name}, all counted`, value: counted, unit: 'lines/s', note },
  ];
}
