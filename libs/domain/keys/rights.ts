/** What a root key may do: `*` for everything, or `<resource>.<id or *>.<action>`, as `api.*.create_key`. */
export const RIGHT_PATTERN = /^(\*|[a-z_]+\.(\*|[A-Za-z0-9_]+)\.(\*|[a-z_]+))$/;

export function isGranted(rights: readonly string[], resource: string, id: string, action: string): boolean {
  for (const right of rights) {
    if (right === '*') return true;
    const [ofResource, ofId, ofAction] = right.split('.');
    if (ofResource !== resource) continue;
    if ((ofId === '*' || ofId === id) && (ofAction === '*' || ofAction === action)) return true;
  }
  return false;
}

/** The right may be held for one id only: enough to be let in, not enough to touch other ids. */
export function isGrantedForSome(rights: readonly string[], resource: string, action: string): boolean {
  return rights.some((right) => {
    if (right === '*') return true;
    const [ofResource, , ofAction] = right.split('.');
    return ofResource === resource && (ofAction === '*' || ofAction === action);
  });
}

/** As the protocol names what is missing: `api.<id>.read_key or api.*.read_key`. */
export function missingRight(resource: string, id: string, action: string): string {
  const all = `${resource}.*.${action}`;
  return id === '*' ? all : `${resource}.${id}.${action} or ${all}`;
}

/** A root key may hand on only what it holds itself. */
export function covers(rights: readonly string[], wanted: string): boolean {
  if (wanted === '*') return rights.includes('*');
  const [resource = '', id = '', action = ''] = wanted.split('.');
  return isGranted(rights, resource, id, action);
}
