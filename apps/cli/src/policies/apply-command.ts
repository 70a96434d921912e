import type { Invocation } from '../command.js';
import { CliError, EXIT, type ExitCode } from '../exit-code.js';
import { ApiClient, type ApiRequest } from '../http/api-client.js';
import { listItems } from '../http/list-items.js';
import { confirmed } from '../input-text.js';
import { findLogin } from '../login/login-file.js';
import { readDrafts } from './policy-drafts.js';
import { changesAnything, type PlannedChange, planOf, type StoredPolicy, writePlan } from './policy-plan.js';
import { waitingProposal, waitsSentence } from './waiting-proposal.js';

export const POLICIES_PATH = '/api/v1/policies';

/** `policies plan`: nothing is changed. Exits with 2 where applying would change something. */
export async function planPolicies(invocation: Invocation, file: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const drafts = await readDrafts(context, file);
  const api = new ApiClient(context, await findLogin(invocation));
  const plan = planOf(drafts, await storedPolicies(api), options.flag('prune'));
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(plan.map(plannedJson), null, 2)}\n`);
  else writePlan(context.stdout, plan);
  return changesAnything(plan) ? EXIT.changes : EXIT.ok;
}

/** `policies apply`: the plan, a question where there is somebody to ask, then one change after the other. */
export async function applyPolicies(invocation: Invocation, file: string): Promise<ExitCode> {
  const { context, options } = invocation;
  const asks = !options.flag('yes') && file !== '-' && context.stdin.isTTY === true;
  if (options.flag('prune') && !asks && !options.flag('yes')) {
    throw new CliError(EXIT.usage, 'policies apply --prune wants --yes where nobody can be asked');
  }
  const drafts = await readDrafts(context, file);
  const api = new ApiClient(context, await findLogin(invocation));
  const plan = planOf(drafts, await storedPolicies(api), options.flag('prune'));
  if (asks && changesAnything(plan)) {
    writePlan(context.stderr, plan);
    if (!(await confirmed(context, 'Apply this? [y/N] '))) throw new CliError(EXIT.failed, 'nothing was applied');
  }
  const applied: object[] = [];
  for (const planned of plan) {
    const done = await applyOne(api, planned, applied.length);
    applied.push(done);
    if (!options.flag('json')) context.stdout.write(`${lineOf(done)}\n`);
  }
  if (options.flag('json')) context.stdout.write(`${JSON.stringify(applied, null, 2)}\n`);
  return EXIT.ok;
}

export async function storedPolicies(api: ApiClient): Promise<StoredPolicy[]> {
  return listItems<StoredPolicy>(await api.json('GET', POLICIES_PATH));
}

export async function policyNamed(api: ApiClient, name: string): Promise<StoredPolicy> {
  const policy = (await storedPolicies(api)).find((candidate) => candidate.name === name);
  if (policy !== undefined) return policy;
  throw new CliError(EXIT.failed, `there is no policy '${name}'`);
}

export function policyPath({ id }: StoredPolicy): string {
  return `${POLICIES_PATH}/${encodeURIComponent(id)}`;
}

/** Refused by the server where somebody has changed the policy since it was read. */
export function ifUnchanged({ version }: StoredPolicy): ApiRequest['headers'] {
  return version === undefined ? {} : { 'If-Match': `"${version}"` };
}

interface Applied {
  readonly name: string;
  readonly id: string;
  /** `waiting`: proposed, and not in force before a second person approves it. */
  readonly change: 'created' | 'replaced' | 'unchanged' | 'deleted' | 'waiting';
}

async function applyOne(api: ApiClient, planned: PlannedChange, before: number): Promise<Applied> {
  const { name } = planned;
  try {
    if (planned.change === 'none') return { name, id: planned.stored.id, change: 'unchanged' };
    if (planned.change === 'create') {
      const { status, body } = await api.ok('POST', POLICIES_PATH, planned.draft.request);
      const proposal = waitingProposal(status, body);
      if (proposal) return { name, id: proposal.policyId, change: 'waiting' };
      return { name, id: (JSON.parse(body) as StoredPolicy).id, change: 'created' };
    }
    const { stored } = planned;
    const seen = ifUnchanged(stored);
    if (planned.change === 'delete') {
      await api.ok('DELETE', policyPath(stored), { headers: seen });
      return { name, id: stored.id, change: 'deleted' };
    }
    const { request } = planned.draft;
    const headers = { ...request.headers, ...seen };
    const { status, body } = await api.ok('PUT', policyPath(stored), { ...request, headers });
    return { name, id: stored.id, change: waitingProposal(status, body) ? 'waiting' : 'replaced' };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new CliError(error.exitCode, `policy '${name}' (${before} applied before): ${error.message}`);
  }
}

function lineOf({ change, name, id }: Applied): string {
  return change === 'waiting' ? waitsSentence(name) : `${change} ${name} (${id})`;
}

function plannedJson(planned: PlannedChange): object {
  const { change, name } = planned;
  if (change === 'create') return { change, name };
  const { id, version } = planned.stored;
  return { change, name, id, version, ...(change === 'replace' ? { fields: planned.fields } : {}) };
}
