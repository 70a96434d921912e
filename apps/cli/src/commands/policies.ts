import type { Command, Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { findLogin } from '../login/login-file.js';
import { writeTable } from '../output/table.js';
import {
  applyPolicies,
  ifUnchanged,
  planPolicies,
  policyNamed,
  policyPath,
  storedPolicies,
} from '../policies/apply-command.js';
import { BACKTEST_OPTIONS, backtestPolicies } from '../policies/backtest-command.js';
import { checkPolicies } from '../policies/check-command.js';
import { addException, listExceptions, removeException } from '../policies/exceptions-command.js';
import { turnEnforcement } from '../policies/pause-command.js';
import { approveProposal, listProposals, rejectProposal } from '../policies/proposal-command.js';
import { testPolicies } from '../policies/test-command.js';
import { showDifference, showHistory } from '../policies/versions-command.js';

type OfOne = (invocation: Invocation, name: string) => Promise<ExitCode>;

/** Verbs that take one name, of a policy or of a file. */
const OF_ONE: Readonly<Record<string, OfOne>> = {
  backtest: backtestPolicies,
  plan: planPolicies,
  apply: applyPolicies,
  history: showHistory,
  except: addException,
  unexcept: removeException,
  exceptions: listExceptions,
  approve: approveProposal,
  reject: rejectProposal,
  delete: deletePolicy,
};

export const policiesCommand: Command = {
  name: 'policies',
  summary: 'check, test, backtest, plan and apply policies; their versions and exceptions',
  usage: [
    'policies check FILE...',
    'policies test FILE...',
    'policies backtest FILE|DIR [--from TIME] [--to TIME] [--allow FILE] [--tagged FIELD=VALUE]',
    'policies plan FILE|DIR',
    'policies apply FILE|DIR',
    'policies apply - < FILE',
    'policies list',
    'policies history NAME',
    'policies diff NAME VERSION VERSION',
    'policies except NAME --key KEYID --reason TEXT [--until TIME]',
    'policies unexcept NAME --key KEYID',
    'policies exceptions NAME',
    'policies proposals',
    'policies approve NAME [--digest DIGEST] [--reason TEXT]',
    'policies reject NAME --reason TEXT [--digest DIGEST]',
    'policies delete NAME',
    'policies pause [--reason TEXT]',
    'policies resume [--reason TEXT]',
  ],
  options: {
    ...BACKTEST_OPTIONS,
    yes: { type: 'boolean', summary: 'apply, approve: without asking' },
    prune: { type: 'boolean', summary: 'plan, apply: delete policies that the file does not name' },
    key: { type: 'string', value: 'KEYID', summary: 'except: whom to leave alone, where the policy is per key' },
    value: {
      type: 'string',
      value: 'TEXT',
      summary: 'except: the same for any policy: value of the first field of "per"',
    },
    until: {
      type: 'string',
      value: 'TIME',
      summary: 'except: end of the exception, 2026-12-31 or 2026-12-31T12:00:00Z',
    },
    digest: { type: 'string', value: 'DIGEST', summary: 'approve, reject: of the proposal that was looked at' },
    reason: { type: 'string', value: 'TEXT', summary: 'except, approve, reject, pause, resume: why; kept' },
  },
  notes:
    'check and test read policy documents (YAML or JSON, `kind: Policy`) and ask no server: check says whether they are\n' +
    'sound and what they cost, test runs the examples that they carry; both exit with 1 where something is wrong.\n' +
    'backtest runs the policies of FILE over the events that the server has stored and says whom they would have hit, when\n' +
    'and for how long; it changes nothing. An interrupt cancels it.\n' +
    'For backtest, plan and apply, FILE holds documents, or threshold policies as JSON: one, an array, or {"policies": [...]}; of a\n' +
    'folder every .yaml, .yml and .json file is read. plan changes nothing and exits with 2 where apply would. apply shows\n' +
    'the plan and asks on a terminal; it creates a policy, or replaces the one of the same name, unless somebody has\n' +
    'changed that since it was read. Policies that the file does not name stay, without --prune. It stops at the first\n' +
    'that is refused.\n' +
    'Where the server asks for a second person (KEYMETER_POLICY_APPROVAL=on), what would make a policy act waits until somebody\n' +
    'with another root key approves it; approve shows what it would change and asks.\n' +
    'pause stops all enforcement of the installation at once; what is decided meanwhile is written down as in shadow.',
  async run(invocation) {
    const { args } = invocation;
    const [verb = '', name, ...rest] = args;
    if (verb === 'check') return checkPolicies(invocation, args.slice(1));
    if (verb === 'test') return testPolicies(invocation, args.slice(1));
    if (verb === 'diff') return showDifference(invocation, args.slice(1));
    if ((verb === 'pause' || verb === 'resume') && name === undefined) return turnEnforcement(invocation, verb);
    if (verb === 'list' && name === undefined) return listPolicies(invocation);
    if (verb === 'proposals' && name === undefined) return listProposals(invocation);
    const ofOne = Object.hasOwn(OF_ONE, verb) ? OF_ONE[verb] : undefined;
    if (ofOne && name !== undefined && rest.length === 0) return ofOne(invocation, name);
    throw new CliError(
      EXIT.usage,
      'policies wants one of: check FILE..., test FILE..., backtest FILE, plan FILE, apply FILE, list, history NAME, ' +
        'diff NAME VERSION VERSION, except NAME, unexcept NAME, exceptions NAME, proposals, approve NAME, reject NAME, ' +
        'delete NAME, pause, resume',
    );
  },
};

async function listPolicies(invocation: Invocation): Promise<ExitCode> {
  const { context, options } = invocation;
  const policies = await storedPolicies(new ApiClient(context, await findLogin(invocation)));
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(policies, null, 2)}\n`);
  else if (policies.length === 0) context.stdout.write('There are no policies.\n');
  else
    writeTable(
      context.stdout,
      ['name', 'mode', 'version', 'id'],
      policies.map((p) => [p.name, p.mode, p.version, p.id]),
    );
  return EXIT.ok;
}

async function deletePolicy(invocation: Invocation, name: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const api = new ApiClient(context, await findLogin(invocation));
  const policy = await policyNamed(api, name);
  await api.ok('DELETE', policyPath(policy), { headers: ifUnchanged(policy) });
  const { id } = policy;
  context.stdout.write(
    options.flag('json') ? `${JSON.stringify({ name, id, deleted: true })}\n` : `deleted ${name} (${id})\n`,
  );
  return EXIT.ok;
}
