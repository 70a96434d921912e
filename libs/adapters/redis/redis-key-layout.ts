/**
 * Where the directory (keys, identities, root keys, enforcements, meters, policies, leases) lies in Redis. All of it shares the slot of
 * the hash tag `{<name>}`: a revocation is one atomic step over the key's record, its hash, its listings and the line
 * in the list of changes, and Redis Cluster has no such step over two slots. One shard bears it: administrators and
 * policies write it, and a node reads it on its first use of a key (about 1 kB a key). Counters, which every
 * verification writes, have slots of their own.
 */
export const PARTS = [
  /** The run epoch: gone or changed when Redis does not hold what it held. */
  'epoch',
  /** Number of the newest change. */
  'sequence',
  /** Stream of changes, entry `<sequence>-0`; the oldest are cut off. */
  'changes',
  /** Node to `<position> <beat> <lease, ms>`. */
  'nodes',
  'beats',
  'apis',
  'keys',
  /** Hash of a key to `<key id> <identity id or nothing>`. */
  'hashes',
  /** What listings walk over, ordered by text. */
  'listed',
  'identities',
  /** externalId to identity id. */
  'externals',
  'roots',
  'enforcements',
  'enforcement-lists',
  /** Enforcements that may still hold their target: a start reads these, not the whole history. */
  'holding',
  /** Enforcements without an audit row. */
  'outbox',
  'meters',
  /** Slug of a living meter to its id. */
  'meter-slugs',
  'built-in-meters',
  'policies',
  /** Changes of policies that are on their way into the log of events. */
  'policy-intents',
  /** `<policy id>/<version>` to what was put. */
  'policy-versions',
  /** Policy id to the version that waits for a second person. */
  'policy-proposals',
  /** Marks of writes that the log of keys has perhaps not been told of. */
  'unpublished',
  /** Field `log`: id of the log of keys that has been told of everything there is. */
  'published',
  /** Field `counters`: the epoch with which a cluster's slots of counters were marked. */
  'marked',
  /** Epochs that this one follows upon: a node that still knows one of them may go over. */
  'former-epochs',
  'rebuild',
  /** `<account id> <key id>` of credits whose balance was lost with an epoch and is not known again yet. */
  'lost-credits',
  /** `<epoch> <node>` of nodes whose grants from before that epoch are in the log of events. */
  'recorded',
  /** Field `enforcement`: whether enforcement is paused. */
  'switches',
  /** Nodes whose spool may hold what is not in the log of events. */
  'spools',
  /** Webhook endpoints. */
  'webhooks',
] as const;

export type Part = (typeof PARTS)[number];

const INDEX = new Map<Part, number>(PARTS.map((part, index) => [part, index + 1]));

/** Of a part in the KEYS of every script, from 1 as Lua counts. */
export function partIndex(part: Part): number {
  return INDEX.get(part) as number;
}

/** A part as scripts name it. */
export function luaKey(part: Part): string {
  return `KEYS[${partIndex(part)}]`;
}

export function partKeys(name: string): string[] {
  return PARTS.map((part) => `{${name}}:${part}`);
}
