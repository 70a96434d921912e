/** `policies proposals`, `approve` and `reject`: versions that wait for a second person. */
import type { FieldChange } from '#domain/policies/policy-difference.js';
import type { Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { listItems } from '../http/list-items.js';
import { confirmed } from '../input-text.js';
import { findLogin } from '../login/login-file.js';
import { utcTime } from '../output/number-format.js';
import { printable, writeTable } from '../output/table.js';
import { POLICIES_PATH } from './apply-command.js';
import { fieldLine } from './policy-plan.js';

interface Proposal {
  readonly status: 'waiting' | 'stale';
  readonly policyId: string;
  readonly name: string;
  readonly mode: string;
  readonly version: number;
  readonly digest: string;
  readonly author?: { readonly name: string };
  readonly expiresAt: number;
  readonly changes: readonly FieldChange[];
}

export async function listProposals(invocation: Invocation): Promise<ExitCode> {
  const { context, options } = invocation;
  const proposals = await waiting(new ApiClient(context, await findLogin(invocation)));
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(proposals, null, 2)}\n`);
  else if (proposals.length === 0) context.stdout.write('Nothing waits for a second person.\n');
  else {
    const rows = proposals.map((it) => {
      const { name, version, mode, status, author, digest } = it;
      return [name, version, mode, status, author?.name, utcTime(it.expiresAt), digest];
    });
    writeTable(context.stdout, ['name', 'version', 'mode', 'status', 'by', 'until', 'digest'], rows);
  }
  return EXIT.ok;
}

/** Shows what would come in force, and asks; where nobody can be asked, the digest says what was looked at. */
export async function approveProposal(invocation: Invocation, name: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const digest = options.text('digest');
  const asks = digest === undefined && !options.flag('yes');
  if (asks && context.stdin.isTTY !== true) {
    throw new CliError(EXIT.usage, 'policies approve wants --digest DIGEST or --yes where nobody can be asked');
  }
  const api = new ApiClient(context, await findLogin(invocation));
  const proposal = await proposalNamed(api, name);
  if (digest === undefined) writeProposal(context.stderr, proposal);
  if (asks && !(await confirmed(context, 'Approve this? [y/N] '))) {
    throw new CliError(EXIT.failed, 'nothing was approved');
  }
  const body = { digest: digest ?? proposal.digest, reason: options.text('reason') };
  const policy = await api.json<{ version: number; mode: string }>('POST', `${pathOf(proposal)}/approve`, { body });
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(policy, null, 2)}\n`);
  else context.stdout.write(`${name} is in force: version ${policy.version}, ${policy.mode}\n`);
  return EXIT.ok;
}

export async function rejectProposal(invocation: Invocation, name: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const reason = options.text('reason') ?? '';
  if (reason.trim() === '') throw new CliError(EXIT.usage, 'policies reject wants NAME --reason TEXT');
  const api = new ApiClient(context, await findLogin(invocation));
  const proposal = await proposalNamed(api, name);
  const digest = options.text('digest') ?? proposal.digest;
  await api.ok('POST', `${pathOf(proposal)}/reject`, { body: { digest, reason } });
  const rejected = { name, id: proposal.policyId, rejected: true };
  context.stdout.write(options.flag('json') ? `${JSON.stringify(rejected)}\n` : `rejected ${name}\n`);
  return EXIT.ok;
}

async function waiting(api: ApiClient): Promise<Proposal[]> {
  return listItems<Proposal>(await api.json('GET', `${POLICIES_PATH}/proposals`));
}

async function proposalNamed(api: ApiClient, name: string): Promise<Proposal> {
  const found = (await waiting(api)).filter((proposal) => proposal.name === name);
  const [proposal] = found.length > 1 ? found.filter(({ status }) => status === 'waiting') : found;
  if (proposal !== undefined) return proposal;
  throw new CliError(EXIT.failed, `nothing waits for a second person under the name '${name}'`);
}

function writeProposal(out: { write(text: string): unknown }, proposal: Proposal): void {
  const { name, version, status, author, digest, changes } = proposal;
  const by = author === undefined ? '' : `, proposed by ${printable(author.name)}`;
  out.write(`${printable(name)}, version ${version}${by}${status === 'stale' ? ', out of date' : ''}\n`);
  for (const change of changes) out.write(`    ${fieldLine(change)}\n`);
  out.write(`digest ${digest}\n`);
}

function pathOf({ policyId }: Proposal): string {
  return `${POLICIES_PATH}/${encodeURIComponent(policyId)}/proposal`;
}
