import type { Enforcement, EnforcementAction } from '#domain/policies/enforcement.js';
import { isActive } from '#domain/policies/enforcement.js';
import type { Command, Invocation } from '../command.js';
import { explainEnforcement } from '../enforcements/explain-command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { listItems } from '../http/list-items.js';
import { findLogin } from '../login/login-file.js';
import { utcTime } from '../output/number-format.js';
import { writeRecord } from '../output/record.js';
import { writeTable } from '../output/table.js';

const PATH = '/api/v1/enforcements';

export const enforcementsCommand: Command = {
  name: 'enforcements',
  summary: 'list, explain or lift what policies decided',
  usage: [
    'enforcements list',
    'enforcements show ID',
    'enforcements explain ID',
    'enforcements lift ID --reason TEXT',
    'enforcements lift --policy NAME --reason TEXT',
  ],
  options: {
    active: { type: 'boolean', summary: 'list: only those that hold now' },
    reason: { type: 'string', value: 'TEXT', summary: 'lift: why; kept in the audit trail' },
    policy: { type: 'string', value: 'NAME', summary: 'list, lift: only of this policy' },
    key: { type: 'string', value: 'KEYID', summary: 'list, lift: only of this key' },
    identity: { type: 'string', value: 'ID', summary: 'list, lift: only of this identity' },
    subject: { type: 'string', value: 'TEXT', summary: 'list, lift: only of this subject' },
    ip: { type: 'string', value: 'ADDRESS', summary: 'list, lift: only of this address' },
  },
  async run(invocation) {
    const [verb, id, ...rest] = invocation.args;
    const one = id !== undefined && rest.length === 0;
    if (verb === 'list' && id === undefined) return list(invocation);
    if (verb === 'show' && one) return show(invocation, id);
    if (verb === 'explain' && one) return explainEnforcement(invocation, id);
    if (verb === 'lift' && one) return lift(invocation, id);
    if (verb === 'lift' && id === undefined) return liftMany(invocation);
    throw new CliError(EXIT.usage, 'enforcements wants one of: list, show ID, explain ID, lift ID --reason TEXT');
  },
};

async function list(invocation: Invocation): Promise<ExitCode> {
  const { context, options } = invocation;
  const api = new ApiClient(context, await findLogin(invocation));
  const now = context.clock.now();
  const onlyActive = options.flag('active');
  const query = new URLSearchParams(filtersOf(invocation)).toString();
  const all = listItems<Enforcement>(await api.json('GET', query === '' ? PATH : `${PATH}?${query}`));
  const rows = onlyActive ? all.filter((enforcement) => isActive(enforcement, now)) : all;
  if (options.flag('json')) {
    context.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  } else if (rows.length === 0) {
    context.stdout.write(onlyActive ? 'No enforcement holds now.\n' : 'There are no enforcements.\n');
  } else {
    const header = ['id', 'policy', 'target', 'action', 'state', 'value', 'threshold', 'begin', 'until'];
    writeTable(
      context.stdout,
      header,
      rows.map((enforcement) => listRow(enforcement, now)),
    );
  }
  return EXIT.ok;
}

async function show(invocation: Invocation, id: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const api = new ApiClient(context, await findLogin(invocation));
  const found = await api.json<Record<string, unknown>>('GET', `${PATH}/${encodeURIComponent(id)}`);
  writeRecord(context.stdout, found, options.flag('json'));
  return EXIT.ok;
}

async function lift(invocation: Invocation, id: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const reason = options.text('reason') ?? '';
  if (reason.trim() === '') throw new CliError(EXIT.usage, 'enforcements lift wants --reason TEXT');
  const api = new ApiClient(context, await findLogin(invocation));
  await api.ok('DELETE', `${PATH}/${encodeURIComponent(id)}`, { body: { reason } });
  context.stdout.write(options.flag('json') ? `${JSON.stringify({ id, lifted: true })}\n` : `Lifted ${id}\n`);
  return EXIT.ok;
}

const FILTERS = ['policy', 'key', 'identity', 'subject', 'ip'] as const;

function filtersOf({ options }: Invocation): Record<string, string> {
  const given = FILTERS.map((name) => [name, options.text(name)] as const);
  return Object.fromEntries(given.filter((it): it is [(typeof FILTERS)[number], string] => it[1] !== undefined));
}

async function liftMany(invocation: Invocation): Promise<ExitCode> {
  const { context, options } = invocation;
  const filters = filtersOf(invocation);
  const reason = options.text('reason') ?? '';
  if (Object.keys(filters).length === 0 || reason.trim() === '') {
    throw new CliError(
      EXIT.usage,
      'enforcements lift wants ID, or --policy, --key or another filter, and --reason TEXT',
    );
  }
  const api = new ApiClient(context, await findLogin(invocation));
  let lifted = 0;
  for (let more = true; more && !context.interrupt.aborted; ) {
    const answer = await api.json<{ lifted: number; more: boolean }>('POST', `${PATH}/lift`, {
      body: { ...filters, reason },
    });
    lifted += answer.lifted;
    more = answer.more;
  }
  context.stdout.write(options.flag('json') ? `${JSON.stringify({ lifted })}\n` : `Lifted ${lifted}\n`);
  return EXIT.ok;
}

function listRow(enforcement: Enforcement, now: number): (string | number)[] {
  const { id, policyName, target, action, value, threshold, begin, until } = enforcement;
  return [
    id,
    policyName,
    `${target.per} ${target.value}`,
    actionText(action),
    stateText(enforcement, now),
    value,
    threshold,
    instantText(begin),
    until === null ? 'until lifted' : instantText(until),
  ];
}

function actionText(action: EnforcementAction): string {
  return action.type === 'throttle' ? `throttle ${action.limit} per ${action.windowMs / 1000} s` : action.type;
}

function stateText(enforcement: Enforcement, now: number): string {
  if (enforcement.lifted) return 'lifted';
  if (enforcement.mode === 'shadow') return 'shadow';
  return isActive(enforcement, now) ? 'active' : 'over';
}

/** The server may write times as epoch milliseconds or as text. */
function instantText(time: number | string): string {
  return typeof time === 'number' ? utcTime(time) : time;
}
