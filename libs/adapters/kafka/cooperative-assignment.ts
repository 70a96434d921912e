/**
 * Who reads which partition. Pure. Cooperative: what a member holds stays with it while the load is even; what has to
 * move is taken from its holder first and given to the next one in a later round, when the holder has let it go. So
 * nobody is ever given a partition that another one may still be writing.
 */
export interface GroupMember {
  readonly id: string;
  /** Partitions it holds, or is still letting go. */
  readonly held: readonly number[];
  /** Of the round in which it came by them: a newer claim beats an older one. */
  readonly generation: number;
}

export function assignPartitions(members: readonly GroupMember[], partitions: number): Map<string, number[]> {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
  const claims = claimsOf(sorted, partitions);
  const assignment = new Map(sorted.map(({ id }) => [id, [] as number[]]));
  for (const [partition, id] of claims) assignment.get(id)?.push(partition);
  const quotas = quotasOf(sorted, assignment, partitions);
  for (const [id, list] of assignment) list.splice(quotas.get(id) ?? 0); // beyond its share: let go, given next round
  for (let partition = 0; partition < partitions; partition++) {
    if (claims.has(partition)) continue;
    const taker = sorted.find(({ id }) => (assignment.get(id)?.length ?? 0) < (quotas.get(id) ?? 0));
    if (taker) assignment.get(taker.id)?.push(partition);
  }
  for (const list of assignment.values()) list.sort((a, b) => a - b);
  return assignment;
}

function claimsOf(members: readonly GroupMember[], partitions: number): Map<number, string> {
  const claims = new Map<number, GroupMember>();
  for (const member of members) {
    for (const partition of member.held) {
      if (partition >= partitions) continue;
      const other = claims.get(partition);
      if (!other || member.generation > other.generation) claims.set(partition, member);
    }
  }
  return new Map([...claims].sort(([a], [b]) => a - b).map(([partition, { id }]) => [partition, id]));
}

/** Even shares; the odd ones go to those who hold most, so that fewest partitions move. */
function quotasOf(members: readonly GroupMember[], held: ReadonlyMap<string, readonly number[]>, partitions: number) {
  const share = Math.floor(partitions / members.length);
  const odd = partitions % members.length;
  const byHeld = [...members].sort((a, b) => (held.get(b.id)?.length ?? 0) - (held.get(a.id)?.length ?? 0));
  return new Map(byHeld.map(({ id }, i) => [id, i < odd ? share + 1 : share]));
}
