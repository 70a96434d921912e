/** `policies except`, `exceptions` and `unexcept`: whom a policy document leaves alone. */
import type { Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { listItems } from '../http/list-items.js';
import { findLogin } from '../login/login-file.js';
import { writeTable } from '../output/table.js';
import { ifUnchanged, policyNamed, policyPath } from './apply-command.js';
import { waitingProposal, waitsSentence } from './waiting-proposal.js';

interface Exception {
  readonly value?: string;
  readonly when?: string;
  readonly until?: string;
  readonly reason?: string;
}

export async function addException(invocation: Invocation, name: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const value = options.text('key') ?? options.text('value');
  const reason = options.text('reason') ?? '';
  if (value === undefined || reason.trim() === '') {
    throw new CliError(
      EXIT.usage,
      'policies except wants NAME --key KEYID (or --value TEXT) --reason TEXT [--until TIME]',
    );
  }
  const api = new ApiClient(context, await findLogin(invocation));
  const policy = await policyNamed(api, name);
  const body = { value, reason, until: options.text('until') };
  const headers = ifUnchanged(policy);
  const made = await api.ok('POST', `${policyPath(policy)}/exceptions`, { body, headers });
  const answer = JSON.parse(made.body) as { lifted: number };
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(answer)}\n`);
  else if (waitingProposal(made.status, made.body)) context.stdout.write(`${waitsSentence(name)}\n`);
  else context.stdout.write(`${name} leaves ${value} alone${answer.lifted > 0 ? `; ${answer.lifted} lifted` : ''}\n`);
  return EXIT.ok;
}

export async function removeException(invocation: Invocation, name: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const value = options.text('key') ?? options.text('value');
  if (value === undefined) throw new CliError(EXIT.usage, 'policies unexcept wants NAME --key KEYID (or --value TEXT)');
  const api = new ApiClient(context, await findLogin(invocation));
  const policy = await policyNamed(api, name);
  const path = `${policyPath(policy)}/exceptions?value=${encodeURIComponent(value)}`;
  const { status, body } = await api.ok('DELETE', path, { headers: ifUnchanged(policy) });
  if (waitingProposal(status, body)) {
    context.stdout.write(options.flag('json') ? `${body}\n` : `${waitsSentence(name)}\n`);
    return EXIT.ok;
  }
  context.stdout.write(
    options.flag('json') ? `${JSON.stringify({ name, value })}\n` : `${name} leaves ${value} alone no more\n`,
  );
  return EXIT.ok;
}

export async function listExceptions(invocation: Invocation, name: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const api = new ApiClient(context, await findLogin(invocation));
  const path = `${policyPath(await policyNamed(api, name))}/exceptions`;
  const exceptions = listItems<Exception>(await api.json('GET', path));
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(exceptions, null, 2)}\n`);
  else if (exceptions.length === 0) context.stdout.write(`${name} has no exceptions.\n`);
  else {
    const rows = exceptions.map(({ value, when, until, reason }) => [value ?? when, until, reason]);
    writeTable(context.stdout, ['who', 'until', 'reason'], rows);
  }
  return EXIT.ok;
}
