/** What an event's data may not hold: values that change on their way into the store, or that reach behind it. */
const MAX_DEPTH = 64;

/** Where and why, as `[path below data, reason]`; undefined when all is well. */
export function dataFault(value: unknown, path = '', depth = 1): [string, string] | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : [path, 'is no finite number'];
  if (typeof value === 'string') return value.isWellFormed() ? undefined : [path, 'holds half of a surrogate pair'];
  if (value === null || typeof value !== 'object') return undefined;
  if (depth > MAX_DEPTH) return [path, `is nested deeper than ${MAX_DEPTH} levels`];
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const fault = dataFault(value[i], `${path}/${i}`, depth + 1);
      if (fault) return fault;
    }
    return undefined;
  }
  return objectFault(value as Record<string, unknown>, path, depth);
}

function objectFault(value: Record<string, unknown>, path: string, depth: number): [string, string] | undefined {
  for (const name in value) {
    if (name === '__proto__') return [path, 'has a member named __proto__'];
    if (!name.isWellFormed()) return [path, 'has a member whose name holds half of a surrogate pair'];
    const member = value[name];
    if (typeof member === 'boolean' || member === null) continue;
    const fault = dataFault(member, `${path}/${name}`, depth + 1);
    if (fault) return fault;
  }
  return undefined;
}
