import type { Command, Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { findLogin } from '../login/login-file.js';

interface PartitionsState {
  readonly partitions: number;
  readonly counts: readonly number[];
  /** Partitions that do not count by the newest number yet. */
  readonly moving: readonly number[];
}

const PATH = '/api/v1/partitions';
const LOOK_EVERY_MS = 500;
const COUNT = /^[1-9]\d{0,4}$/;

export const partitionsCommand: Command = {
  name: 'partitions',
  summary: 'show how many partitions the event log of a cluster has, or raise their number',
  usage: ['partitions', 'partitions --to N [--no-wait]'],
  options: {
    to: { type: 'string', value: 'N', summary: 'raise to so many: a multiple of what there are' },
    'no-wait': { type: 'boolean', summary: 'return when the raise stands, before it is carried through' },
  },
  notes:
    'A raise needs no pause and cannot be taken back. It is carried through by the consumers, also when this command\n' +
    'ends; a repeat changes nothing. Exits with 1 where it is interrupted before that is done.',
  async run(invocation) {
    const { options, context } = invocation;
    const api = new ApiClient(context, await findLogin(invocation));
    const to = options.text('to');
    if (to === undefined) return shown(invocation, await api.json<PartitionsState>('GET', PATH));
    if (!COUNT.test(to)) throw new CliError(EXIT.usage, '--to must be a number of partitions');
    let state = await api.json<PartitionsState>('POST', PATH, { body: { partitions: Number(to) } });
    while (!options.flag('no-wait') && state.moving.length > 0 && !context.interrupt.aborted) {
      await context.sleep(LOOK_EVERY_MS);
      state = await api.json<PartitionsState>('GET', PATH);
    }
    shown(invocation, state);
    return options.flag('no-wait') || state.moving.length === 0 ? EXIT.ok : EXIT.failed;
  },
};

function shown({ context, options }: Invocation, state: PartitionsState): ExitCode {
  const { partitions, counts, moving } = state;
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(state, null, 2)}\n`);
  else {
    const before = counts.length > 1 ? `, raised from ${counts.slice(0, -1).join(', then ')}` : '';
    context.stdout.write(`${partitions} partitions${before}\n`);
    if (moving.length > 0) context.stdout.write(`still to be split: ${moving.join(', ')}\n`);
  }
  return EXIT.ok;
}
