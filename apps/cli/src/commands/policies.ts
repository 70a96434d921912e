import { readPolicyFile } from '#domain/policies/documents/policy-file.js';
import type { Command, Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient } from '../http/api-client.js';
import { listItems } from '../http/list-items.js';
import { readText } from '../input-text.js';
import { findLogin } from '../login/login-file.js';
import { writeTable } from '../output/table.js';
import { checkPolicies } from '../policies/check-command.js';
import { faultLine } from '../policies/policy-files.js';
import { testPolicies } from '../policies/test-command.js';

const PATH = '/api/v1/policies';

interface StoredPolicy {
  readonly id: string;
  readonly name: string;
  readonly mode?: string;
  readonly version?: number;
}

interface Applied {
  readonly name: string;
  readonly id: string;
  readonly change: 'created' | 'replaced';
}

export const policiesCommand: Command = {
  name: 'policies',
  summary: 'check and test policies of a file, apply, list or delete them',
  usage: [
    'policies check FILE...',
    'policies test FILE...',
    'policies apply FILE',
    'policies apply - < FILE',
    'policies list',
    'policies delete NAME',
  ],
  options: {},
  notes:
    'check and test read policy documents (YAML or JSON, `kind: Policy`) and ask no server: check says whether they are\n' +
    'sound and what they cost, test runs the examples that they carry; both exit with 1 where something is wrong.\n' +
    'For apply, FILE holds documents, or threshold policies as JSON: one, an array, or {"policies": [...]}. It creates a\n' +
    'policy, or replaces the one of the same name; policies that the file does not name stay. It stops at the first that\n' +
    'is refused.',
  async run(invocation) {
    const { args, context } = invocation;
    const [verb, name, ...rest] = args;
    if (verb === 'check') return checkPolicies(invocation, args.slice(1));
    if (verb === 'test') return testPolicies(invocation, args.slice(1));
    const named = name !== undefined && rest.length === 0;
    if (verb === 'apply' && named) {
      const policies = parsePolicies(name, await readText(context, name));
      return applyPolicies(invocation, new ApiClient(context, await findLogin(invocation)), policies);
    }
    if (verb === 'list' && name === undefined) return listPolicies(invocation);
    if (verb === 'delete' && named) return deletePolicy(invocation, name);
    throw new CliError(EXIT.usage, 'policies wants one of: check FILE..., test FILE..., apply FILE, list, delete NAME');
  },
};

type PolicyDraft = { readonly name: string } & Readonly<Record<string, unknown>>;

function parsePolicies(file: string, text: string): PolicyDraft[] {
  if (/^\s*("?kind"?\s*:|\{\s*"kind")/m.test(text)) return documentsOf(file, text);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new CliError(EXIT.failed, `${file} is no JSON: ${(error as Error).message}`);
  }
  const listed = (parsed as { policies?: unknown } | null)?.policies ?? parsed;
  const drafts: unknown[] = Array.isArray(listed) ? listed : [listed];
  const names = new Set<string>();
  for (const [index, draft] of drafts.entries()) {
    const name = (draft as { name?: unknown } | null)?.name;
    if (typeof name !== 'string' || name === '') {
      throw new CliError(EXIT.failed, `${file}: policy ${index + 1} has no name`);
    }
    if (names.has(name)) throw new CliError(EXIT.failed, `${file}: two policies are called '${name}'`);
    names.add(name);
  }
  return drafts as PolicyDraft[];
}

function documentsOf(file: string, text: string): PolicyDraft[] {
  const { policies, faults } = readPolicyFile(text);
  if (faults.length === 0) return policies.map(({ document }) => document);
  const lines = faults.map((fault) => faultLine({ ...fault, file }).trimEnd());
  throw new CliError(EXIT.failed, `nothing was applied\n${lines.join('\n')}`);
}

async function applyPolicies(
  { context, options }: Invocation,
  api: ApiClient,
  policies: readonly PolicyDraft[],
): Promise<ExitCode> {
  const known = new Map((await allPolicies(api)).map((policy) => [policy.name, policy.id]));
  const applied: Applied[] = [];
  for (const policy of policies) {
    const id = known.get(policy.name);
    const path = id === undefined ? PATH : `${PATH}/${encodeURIComponent(id)}`;
    const stored = await api
      .json<StoredPolicy>(id === undefined ? 'POST' : 'PUT', path, { body: policy })
      .catch((error: unknown) => {
        if (!(error instanceof CliError)) throw error;
        throw new CliError(
          error.exitCode,
          `policy '${policy.name}' (${applied.length} applied before): ${error.message}`,
        );
      });
    const change = id === undefined ? 'created' : 'replaced';
    applied.push({ name: policy.name, id: stored.id, change });
    if (!options.flag('json')) context.stdout.write(`${change} ${policy.name} (${stored.id})\n`);
  }
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(applied, null, 2)}\n`);
  return EXIT.ok;
}

async function listPolicies(invocation: Invocation): Promise<ExitCode> {
  const { context, options } = invocation;
  const policies = await allPolicies(new ApiClient(context, await findLogin(invocation)));
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
  const policy = (await allPolicies(api)).find((candidate) => candidate.name === name);
  if (policy === undefined) throw new CliError(EXIT.failed, `there is no policy '${name}'`);
  await api.ok('DELETE', `${PATH}/${encodeURIComponent(policy.id)}`);
  const { id } = policy;
  context.stdout.write(
    options.flag('json') ? `${JSON.stringify({ name, id, deleted: true })}\n` : `deleted ${name} (${id})\n`,
  );
  return EXIT.ok;
}

async function allPolicies(api: ApiClient): Promise<StoredPolicy[]> {
  return listItems<StoredPolicy>(await api.json('GET', PATH));
}
