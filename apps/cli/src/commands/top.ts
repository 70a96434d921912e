import type { Command } from '../command.js';
import { CliError, EXIT } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { findLogin } from '../login/login-file.js';
import { writeTable } from '../output/table.js';
import { groupValue, type MeterAnswer, meterPath, RANGE_OPTIONS } from '../usage/meter-query.js';

const DEFAULT_COUNT = 10;
const MAX_COUNT = 10_000;

export const topCommand: Command = {
  name: 'top',
  summary: 'show who or what was counted most',
  usage: ['top [FIELD] [--count N] [--from TIME]', 'top route --where outcome=LOGGED'],
  options: {
    count: { type: 'string', value: 'N', summary: `number of rows, default ${DEFAULT_COUNT}` },
    ...RANGE_OPTIONS,
  },
  notes:
    'FIELD is subject (default), keyId, identityId, apiId, outcome, route, method, status, ip or a group of the meter.',
  async run(invocation) {
    const { context, options, args } = invocation;
    if (args.length > 1) throw new CliError(EXIT.usage, 'top takes one FIELD');
    const field = args[0] ?? 'subject';
    const count = parseCount(options.text('count'));
    const path = meterPath(invocation, [field]);
    const answer = await new ApiClient(context, await findLogin(invocation)).json<MeterAnswer>('GET', path);
    const rows = answer.data
      .map((row) => ({ [field]: groupValue(row, field), value: row.value }))
      .sort((a, b) => Number(b.value) - Number(a.value) || (String(a[field]) < String(b[field]) ? -1 : 1))
      .slice(0, count);
    if (options.flag('json')) {
      context.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    } else if (rows.length === 0) {
      context.stdout.write('Nothing was counted there.\n');
    } else {
      const header = [field, options.text('meter') ?? 'requests'];
      writeTable(
        context.stdout,
        header,
        rows.map((row) => [row[field], row.value]),
      );
    }
    return EXIT.ok;
  },
};

function parseCount(text: string | undefined): number {
  const count = Number(text ?? DEFAULT_COUNT);
  if (Number.isInteger(count) && count >= 1 && count <= MAX_COUNT) return count;
  throw new CliError(EXIT.usage, `--count is a whole number from 1 to ${MAX_COUNT}, not '${text}'`);
}
