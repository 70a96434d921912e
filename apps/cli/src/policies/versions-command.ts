/** `policies history` and `policies diff`: what a policy was. */
import type { FieldChange } from '#domain/policies/policy-difference.js';
import type { Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { listItems } from '../http/list-items.js';
import { findLogin } from '../login/login-file.js';
import { utcTime } from '../output/number-format.js';
import { writeTable } from '../output/table.js';
import { policyNamed, policyPath } from './apply-command.js';
import { fieldLine } from './policy-plan.js';

interface Version {
  readonly version: number;
  readonly at: number;
  readonly mode: string;
  readonly author?: { readonly name: string };
  readonly reason?: string;
  readonly approval?: { readonly by: { readonly name: string } };
}

export async function showHistory(invocation: Invocation, name: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const api = new ApiClient(context, await findLogin(invocation));
  const path = `${policyPath(await policyNamed(api, name))}/versions`;
  const versions = listItems<Version>(await api.json('GET', path));
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(versions, null, 2)}\n`);
  else {
    const rows = versions.map(({ version, at, mode, author, approval, reason }) => {
      return [version, utcTime(at), mode, author?.name, approval?.by.name, reason];
    });
    writeTable(context.stdout, ['version', 'time', 'mode', 'by', 'approved by', 'reason'], rows);
  }
  return EXIT.ok;
}

export async function showDifference(invocation: Invocation, args: readonly string[]): Promise<ExitCode> {
  const { context, options } = invocation;
  const [name = '', from = '', to = ''] = args;
  if (args.length !== 3 || ![from, to].every((it) => /^[1-9]\d{0,8}$/.test(it))) {
    throw new CliError(EXIT.usage, 'policies diff wants NAME and two versions, for example: policies diff burst 3 4');
  }
  const api = new ApiClient(context, await findLogin(invocation));
  const path = `${policyPath(await policyNamed(api, name))}/difference?from=${from}&to=${to}`;
  const difference = await api.json<{ changes: FieldChange[] }>('GET', path);
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(difference, null, 2)}\n`);
  else if (difference.changes.length === 0) context.stdout.write('Nothing differs.\n');
  else for (const change of difference.changes) context.stdout.write(`${fieldLine(change)}\n`);
  return EXIT.ok;
}
