/** Addresses and networks of IPv4 and IPv6 as bits. */

const GROUPS = 8;

/** The 16-bit groups of an address, 2 for IPv4 and 8 for IPv6; undefined for anything else. */
export function addressGroups(text: string): readonly number[] | undefined {
  return text.includes(':') ? groupsOf6(text) : groupsOf4(text);
}

export type Network = (address: string) => boolean;

/** `10.0.0.0/8` or `2001:db8::/32`; undefined for anything else. An address of the other kind is not in it. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', prefix = '', ...more] = text.split('/');
  const base = addressGroups(address);
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.POSITIVE_INFINITY;
  if (base === undefined || more.length > 0 || bits > base.length * 16) return undefined;
  const masks = base.map((_, n) => (0xffff << (16 - Math.min(16, Math.max(0, bits - n * 16)))) & 0xffff);
  return (candidate) => {
    const groups = addressGroups(candidate);
    if (groups?.length !== base.length) return false;
    return masks.every((mask, n) => ((groups[n] as number) & mask) === ((base[n] as number) & mask));
  };
}

/**
 * The network that an address is taken to belong to: the first 24 bits of IPv4, 48 of IPv6, what one household or office is
 * usually given; undefined for what is no address.
 */
export function networkOf(address: string): string | undefined {
  const groups = addressGroups(address);
  if (groups === undefined) return undefined;
  const [a = 0, b = 0, c = 0] = groups;
  if (groups.length === 2) return `${a >> 8}.${a & 255}.${b >> 8}.0/24`;
  return `${a.toString(16)}:${b.toString(16)}:${c.toString(16)}::/48`;
}

function groupsOf4(text: string): readonly number[] | undefined {
  const found = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const [a, b, c, d] = (found?.slice(1) ?? []).map(Number) as [number, number, number, number];
  if (!found || Math.max(a, b, c, d) > 255) return undefined;
  return [a * 256 + b, c * 256 + d];
}

function groupsOf6(text: string): readonly number[] | undefined {
  const [head = '', tail, ...more] = text.toLowerCase().split('::');
  if (more.length > 0) return undefined;
  const before = groupList(head);
  const after = tail === undefined ? [] : groupList(tail);
  if (!before || !after) return undefined;
  const missing = GROUPS - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...before, ...Array<number>(missing).fill(0), ...after];
}

/** `1:2:192.0.2.1` ends in two groups. */
function groupList(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [n, part] of parts.entries()) {
    const last = n === parts.length - 1 ? groupsOf4(part) : undefined;
    if (last) groups.push(...last);
    else if (/^[0-9a-f]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}
