/** What differs between two versions of a policy, field by field. */
import type { Json } from '../json.js';

export interface FieldChange {
  /** `measures.calls.window`, `then[0].for` */
  readonly path: string;
  /** Absent where the field is new. */
  readonly from?: Json;
  /** Absent where the field is gone. */
  readonly to?: Json;
}

/** Of the one or the other only by being saved. */
const SAVED = ['id', 'version', 'createdAt', 'updatedAt'];

/** Of policies as they are stored, or as they would be: both with their defaults filled. */
export function policyDifference(from: object, to: object): FieldChange[] {
  return changesOf(contentOf(from), contentOf(to), '');
}

/** A document stands inside the record that stores it. */
export function contentOf(policy: object): Json {
  const content = 'document' in policy ? policy.document : policy;
  const fields = Object.entries(content as object).filter(
    ([name, value]) => !SAVED.includes(name) && value !== undefined,
  );
  return JSON.parse(JSON.stringify(Object.fromEntries(fields))) as Json;
}

function changesOf(from: Json | undefined, to: Json | undefined, path: string): FieldChange[] {
  if (JSON.stringify(from) === JSON.stringify(to)) return [];
  const [before, after] = [membersOf(from), membersOf(to)];
  if (before === undefined || after === undefined || Array.isArray(from) !== Array.isArray(to)) {
    return [{ path, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }];
  }
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names.flatMap((name) => changesOf(before.get(name), after.get(name), pathOf(path, name, Array.isArray(from))));
}

function membersOf(value: Json | undefined): Map<string, Json> | undefined {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined;
}

function pathOf(path: string, name: string, inList: boolean): string {
  if (inList) return `${path}[${name}]`;
  return path === '' ? name : `${path}.${name}`;
}
