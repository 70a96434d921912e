import type { Command } from '../command.js';
import { EXIT } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { findLogin } from '../login/login-file.js';
import { writeTable } from '../output/table.js';

interface Difference {
  readonly partition: number;
  readonly account: string;
  readonly range?: { readonly first: number; readonly next: number };
  readonly minute?: string;
  readonly day: string;
  readonly size?: string;
  readonly expected: number;
  readonly found: number;
}

interface PartitionSums {
  readonly partition: number;
  readonly range: { readonly first: number; readonly next: number };
  readonly appended: number;
  readonly counted: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly undecodable: number;
  readonly unexplainedDifference: number;
}

interface Answer {
  readonly unexplainedDifference: number;
  readonly partitions: readonly PartitionSums[];
  readonly differences: readonly Difference[];
}

/** The server reads all that it keeps. */
const TIMEOUT_MS = 10 * 60_000;
const COLUMNS = ['appended', 'counted', 'duplicates', 'conflicts', 'undecodable'] as const;

export const reconcileCommand: Command = {
  name: 'reconcile',
  summary: 'check that everything in the log is counted, a duplicate or a dead letter',
  usage: ['reconcile [--log]'],
  options: { log: { type: 'boolean', summary: 'add up the log itself as well: reads all of it' } },
  notes: 'Exits with 1 where something is unexplained, and names partition and range.',
  async run(invocation) {
    const { context, options } = invocation;
    const api = new ApiClient(context, await findLogin(invocation));
    const path = `/api/v1/reconciliation?log=${options.flag('log')}`;
    const answer = await api.json<Answer>('GET', path, { timeoutMs: TIMEOUT_MS });
    if (options.flag('json')) context.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    else {
      const rows = answer.partitions.map((sums) => [
        sums.partition,
        `${sums.range.first}-${sums.range.next}`,
        ...COLUMNS.map((column) => sums[column]),
        sums.unexplainedDifference,
      ]);
      writeTable(context.stdout, ['partition', 'offsets', ...COLUMNS, 'unexplained'], rows);
      for (const difference of answer.differences) context.stdout.write(`${differenceText(difference)}\n`);
      context.stdout.write(`unexplained difference: ${answer.unexplainedDifference}\n`);
    }
    return answer.unexplainedDifference === 0 ? EXIT.ok : EXIT.failed;
  },
};

function differenceText({ partition, account, range, minute, day, size, expected, found }: Difference): string {
  const time = minute === undefined ? `day ${day}` : minute;
  const where =
    account === 'rollup'
      ? `${size} rollups of events accepted on ${day}, from the window at ${minute} on`
      : `offsets [${range?.first}, ${range?.next}), accepted ${time}`;
  return `partition ${partition}, ${where}: ${account} should be ${expected} and is ${found}`;
}
