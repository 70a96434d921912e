/** What applying policies would change, said before it is done. */
import { type FieldChange, policyDifference } from '#domain/policies/policy-difference.js';
import type { TextSink } from '../command.js';
import { printable } from '../output/table.js';
import type { PolicyDraft } from './policy-drafts.js';

export interface StoredPolicy {
  readonly id: string;
  readonly name: string;
  readonly mode?: string;
  readonly version?: number;
}

export type PlannedChange =
  | { readonly change: 'create'; readonly name: string; readonly draft: PolicyDraft }
  | {
      readonly change: 'replace';
      readonly name: string;
      readonly draft: PolicyDraft;
      readonly stored: StoredPolicy;
      readonly fields: readonly FieldChange[];
    }
  | { readonly change: 'none'; readonly name: string; readonly stored: StoredPolicy }
  | { readonly change: 'delete'; readonly name: string; readonly stored: StoredPolicy };

export function planOf(
  drafts: readonly PolicyDraft[],
  stored: readonly StoredPolicy[],
  prune: boolean,
): PlannedChange[] {
  const known = new Map(stored.map((policy) => [policy.name, policy]));
  const planned = drafts.map((draft): PlannedChange => {
    const { name } = draft;
    const current = known.get(name);
    if (!current) return { change: 'create', name, draft };
    const fields = policyDifference(current, draft.policy);
    if (fields.length === 0) return { change: 'none', name, stored: current };
    return { change: 'replace', name, draft, stored: current, fields };
  });
  const named = new Set(drafts.map(({ name }) => name));
  const left = prune ? stored.filter(({ name }) => !named.has(name)) : [];
  return [...planned, ...left.map((it): PlannedChange => ({ change: 'delete', name: it.name, stored: it }))];
}

export function changesAnything(plan: readonly PlannedChange[]): boolean {
  return plan.some(({ change }) => change !== 'none');
}

const SIGN = { create: '+', replace: '~', none: '=', delete: '-' } as const;
const SAID = { create: 'is created', none: 'stays as it is', delete: 'is deleted' } as const;

export function writePlan(out: TextSink, plan: readonly PlannedChange[]): void {
  for (const planned of plan) {
    const { change, name } = planned;
    const said = change === 'replace' ? `is changed, from version ${planned.stored.version ?? '?'}` : SAID[change];
    out.write(`${SIGN[change]} ${printable(name)} ${said}\n`);
    if (change === 'replace') for (const field of planned.fields) out.write(`    ${fieldLine(field)}\n`);
  }
  const count = (wanted: PlannedChange['change']) => plan.filter(({ change }) => change === wanted).length;
  out.write(`${count('create')} to create, ${count('replace')} to change, ${count('delete')} to delete, `);
  out.write(`${count('none')} unchanged\n`);
}

export function fieldLine({ path, from, to }: FieldChange): string {
  return `${path}: ${textOf(from)} → ${textOf(to)}`;
}

const MAX_CHARS = 200;

function textOf(value: FieldChange['from']): string {
  if (value === undefined) return 'nothing';
  const text = printable(JSON.stringify(value));
  return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text;
}
