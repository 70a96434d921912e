import type { Command, Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { findLogin } from '../login/login-file.js';
import { csvLine } from '../output/csv.js';
import { writeTable } from '../output/table.js';
import {
  groupFields,
  groupValue,
  type MeterAnswer,
  meterPath,
  RANGE_OPTIONS,
  WINDOW_OPTIONS,
} from '../usage/meter-query.js';

export const usageCommand: Command = {
  name: 'usage',
  summary: 'show what a meter counted',
  usage: ['usage [--by FIELD,...] [--window SIZE] [--from TIME] [--to TIME]', 'usage --meter bytes --by route --csv'],
  options: {
    ...WINDOW_OPTIONS,
    ...RANGE_OPTIONS,
    csv: { type: 'boolean', summary: 'print comma-separated values' },
  },
  run: showUsage,
};

async function showUsage(invocation: Invocation): Promise<ExitCode> {
  const { context, options, args } = invocation;
  if (args.length > 0) throw new CliError(EXIT.usage, `usage takes options only, not '${args[0]}'`);
  if (options.flag('csv') && options.flag('json')) throw new CliError(EXIT.usage, 'choose one of --csv and --json');
  const fields = groupFields(options.text('by'));
  const path = meterPath(invocation, fields);
  const api = new ApiClient(context, await findLogin(invocation));
  const answer = await api.json<MeterAnswer>('GET', path);
  if (options.flag('json')) {
    context.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    return EXIT.ok;
  }
  const header = ['from', 'to', ...fields, options.text('meter') ?? 'requests'];
  const rows = answer.data.map((row) => [
    row.windowStart,
    row.windowEnd,
    ...fields.map((field) => groupValue(row, field)),
    row.value,
  ]);
  if (options.flag('csv')) {
    for (const row of [header, ...rows]) context.stdout.write(csvLine(row));
  } else if (rows.length === 0) {
    context.stdout.write('Nothing was counted there.\n');
  } else {
    writeTable(context.stdout, header, rows);
  }
  return EXIT.ok;
}
