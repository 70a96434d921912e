import type { Command, Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient, refusal } from '../http/api-client.js';
import { listItems } from '../http/list-items.js';
import { readText } from '../input-text.js';
import { findLogin } from '../login/login-file.js';
import { writeRecord } from '../output/record.js';
import { writeTable } from '../output/table.js';

interface Letter {
  readonly position: string;
  readonly state: string;
  readonly reason: string;
  readonly detail: string;
  readonly source: string;
  readonly id: string;
  readonly storedAt: string;
  readonly bytes: string;
}

const PATH = '/api/v1/dead-letters';
const STATES = ['open', 'replayed', 'dropped', 'all'];

export const deadLettersCommand: Command = {
  name: 'dead-letters',
  summary: 'list, show, send again or drop what could not be counted',
  usage: [
    'dead-letters list [--state STATE] [--reason undecodable|conflict]',
    'dead-letters show POSITION [--bytes]',
    'dead-letters replay POSITION [--file FILE] [--note TEXT]',
    'dead-letters replay --all [--reason undecodable|conflict] [--note TEXT]',
    'dead-letters drop POSITION --reason TEXT',
    'dead-letters drop --all --of undecodable|conflict --reason TEXT',
  ],
  options: {
    state: { type: 'string', value: 'STATE', summary: `list: ${STATES.join(', ')}; open unless given` },
    reason: {
      type: 'string',
      value: 'TEXT',
      summary: 'list, replay --all: only such letters; drop: why, kept with the letter',
    },
    of: { type: 'string', value: 'REASON', summary: 'drop --all: undecodable or conflict' },
    bytes: { type: 'boolean', summary: 'show: the original bytes alone, as they are' },
    file: {
      type: 'string',
      value: 'FILE',
      summary: "replay: CloudEvents in JSON to send instead; '-' reads standard input",
    },
    all: { type: 'boolean', summary: 'replay, drop: every open letter that it can be done to' },
    note: { type: 'string', value: 'TEXT', summary: 'replay: kept with the letter' },
  },
  notes:
    'A letter is known by its position, PARTITION:OFFSET:INDEX. Sent again it keeps source and id, so it counts once,\n' +
    'however often it is sent. A conflict stays one: drop it.',
  async run(invocation) {
    const [verb, position, ...rest] = invocation.args;
    const all = invocation.options.flag('all');
    const one = position !== undefined && rest.length === 0 && !all;
    if (verb === 'list' && position === undefined) return list(invocation);
    if (verb === 'show' && one) return show(invocation, position);
    if (verb === 'replay' && one) return replay(invocation, position);
    if (verb === 'drop' && one) return drop(invocation, position);
    if (verb === 'replay' && all && position === undefined) return replayAll(invocation);
    if (verb === 'drop' && all && position === undefined) return dropAll(invocation);
    throw new CliError(EXIT.usage, 'dead-letters wants one of: list, show POSITION, replay POSITION, drop POSITION');
  },
};

async function open({ context, ...invocation }: Invocation): Promise<ApiClient> {
  return new ApiClient(context, await findLogin({ context, ...invocation }));
}

async function list(invocation: Invocation): Promise<ExitCode> {
  const { context, options } = invocation;
  const state = options.text('state') ?? 'open';
  if (!STATES.includes(state)) throw new CliError(EXIT.usage, `--state must be one of ${STATES.join(', ')}`);
  const query: Record<string, string> = state === 'all' ? {} : { state };
  const reason = options.text('reason');
  if (reason !== undefined) query.reason = reason;
  const letters = await letterPages(await open(invocation), query);
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(letters, null, 2)}\n`);
  else if (letters.length === 0) context.stdout.write('There are no such dead letters.\n');
  else {
    const header = ['position', 'state', 'reason', 'since', 'source', 'id', 'detail'];
    const rows = letters.map((it) => [it.position, it.state, it.reason, it.storedAt, it.source, it.id, it.detail]);
    writeTable(context.stdout, header, rows);
  }
  return EXIT.ok;
}

async function show(invocation: Invocation, position: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const api = await open(invocation);
  const letter = await api.json<Letter & Record<string, unknown>>('GET', path(position));
  if (options.flag('bytes')) context.stdout.write(Buffer.from(letter.bytes, 'base64').toString('utf8'));
  else writeRecord(context.stdout, letter, options.flag('json'));
  return EXIT.ok;
}

async function replay(invocation: Invocation, position: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const file = options.text('file');
  const events = file === undefined ? undefined : eventsOf(await readText(context, file));
  const body = { events, note: options.text('note') };
  const letter = await (await open(invocation)).json<Letter & { events: number }>('POST', path(position, 'replay'), {
    body,
  });
  const text = `Sent ${letter.events} event${letter.events === 1 ? '' : 's'} of ${position} again\n`;
  context.stdout.write(options.flag('json') ? `${JSON.stringify(letter)}\n` : text);
  return EXIT.ok;
}

async function drop(invocation: Invocation, position: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const body = { reason: demandReason(invocation) };
  const letter = await (await open(invocation)).json<Letter>('POST', path(position, 'drop'), { body });
  context.stdout.write(options.flag('json') ? `${JSON.stringify(letter)}\n` : `Dropped ${position}\n`);
  return EXIT.ok;
}

/** Conflicts stay conflicts: they are left alone. */
async function replayAll(invocation: Invocation): Promise<ExitCode> {
  const api = await open(invocation);
  const letters = await letterPages(api, { state: 'open', reason: invocation.options.text('reason') ?? 'undecodable' });
  return each(invocation, api, letters, 'replay', { note: invocation.options.text('note') });
}

async function dropAll(invocation: Invocation): Promise<ExitCode> {
  const reason = invocation.options.text('of');
  if (reason !== 'undecodable' && reason !== 'conflict')
    throw new CliError(EXIT.usage, 'dead-letters drop --all wants --of undecodable or --of conflict');
  const body = { reason: demandReason(invocation) };
  const api = await open(invocation);
  return each(invocation, api, await letterPages(api, { state: 'open', reason }), 'drop', body);
}

/** One after the other; a letter that is refused stays as it is and is named, any other failure ends the command. */
async function each(
  { context, options }: Invocation,
  api: ApiClient,
  letters: readonly Letter[],
  verb: 'replay' | 'drop',
  body: object,
): Promise<ExitCode> {
  let done = 0;
  const refused: { position: string; reason: string }[] = [];
  for (const { position } of letters) {
    const answer = await api.send('POST', path(position, verb), { body });
    if (answer.status === 200) done++;
    else if (answer.status === 409 || answer.status === 422) {
      refused.push({ position, reason: refusal(answer, true).message });
    } else throw refusal(answer, api.login.rootKey !== undefined);
  }
  if (options.flag('json')) context.stdout.write(`${JSON.stringify({ [verb]: done, refused })}\n`);
  else {
    for (const { position, reason } of refused) context.stderr.write(`${position}: ${reason}\n`);
    context.stdout.write(`${verb === 'replay' ? 'Sent again' : 'Dropped'}: ${done}; refused: ${refused.length}\n`);
  }
  return refused.length === 0 ? EXIT.ok : EXIT.failed;
}

async function letterPages(api: ApiClient, query: Readonly<Record<string, string>>): Promise<Letter[]> {
  const letters: Letter[] = [];
  for (let cursor: string | undefined; ; ) {
    const parameters = new URLSearchParams(cursor === undefined ? query : { ...query, cursor });
    const page = await api.json<{ nextCursor?: string }>('GET', `${PATH}?${parameters}`);
    letters.push(...listItems<Letter>(page));
    cursor = page.nextCursor;
    if (cursor === undefined) return letters;
  }
}

function path(position: string, verb?: string): string {
  return `${PATH}/${encodeURIComponent(position)}${verb === undefined ? '' : `/${verb}`}`;
}

function demandReason({ options }: Invocation): string {
  const reason = options.text('reason') ?? '';
  if (reason.trim() === '') throw new CliError(EXIT.usage, 'dead-letters drop wants --reason TEXT');
  return reason;
}

function eventsOf(text: string): unknown[] {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed : [parsed];
  } catch {
    throw new CliError(EXIT.usage, 'the file is no JSON: a CloudEvent or an array of them is expected');
  }
}
