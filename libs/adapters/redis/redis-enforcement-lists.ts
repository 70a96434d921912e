/** How enforcements are listed: one text each per list, whose order is by list, begin and id. */
import { createHash } from 'node:crypto';
import type { Enforcement, Per } from '#domain/policies/enforcement.js';
import type { EnforcementFilter } from '#ports/enforcement-store.js';

const BETWEEN = '\u001f';
const DIGITS = 17; // of 2^53 + 2^53

export function listTexts(enforcement: Enforcement): string[] {
  const { policyId, target } = enforcement;
  const lists = [ALL, policyList(policyId), targetList(target.per, target.value)];
  return lists.map((list) => textIn(list, enforcement));
}

/** From the newest down, or from behind an enforcement. */
export function listRange(filter: EnforcementFilter, after: Enforcement | undefined): [from: string, to: string] {
  const list = narrowestList(filter);
  const from = after ? `(${textIn(list, after)}` : `(${list}${BETWEEN}\uffff`;
  return [from, `(${list}${BETWEEN}`];
}

export function behindText(text: string): string {
  return `(${text}`;
}

export function enforcementIdOf(text: string): string {
  return text.slice(text.lastIndexOf(BETWEEN) + 1);
}

const ALL = 'all';

function policyList(policyId: string): string {
  return `policy ${policyId}`;
}

/** Hashed: what a policy counts per may be long. */
function targetList(per: Per, value: string): string {
  return `target ${createHash('sha256').update(`${per}\n${value}`).digest('hex')}`;
}

function narrowestList({ per, value, policyId }: EnforcementFilter): string {
  if (per !== undefined && value !== undefined) return targetList(per, value);
  return policyId === undefined ? ALL : policyList(policyId);
}

function textIn(list: string, { begin, id }: Enforcement): string {
  const time = (Math.floor(begin) + 2 ** 53).toFixed(0).padStart(DIGITS, '0');
  return [list, time, id].join(BETWEEN);
}
