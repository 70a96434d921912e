import type { KeyView, RateLimit } from '#domain/keys/key-record.js';
import { automaticPlan, type LimitPlan, namedLimits } from '#domain/keys/limit-plan.js';

/** What verifications of one state of a key have in common, worked out once. */
export interface KeyProfile {
  readonly named: ReadonlyMap<string, RateLimit>;
  readonly automatic: LimitPlan;
  readonly held: ReadonlySet<string>;
  /** What usage is counted for: the owner if there is one, else the key. */
  readonly subject: string;
  /** The members of the answer that do not change, as JSON, with a comma in front. */
  readonly members: string;
}

const profiles = new WeakMap<KeyView, KeyProfile>();

export function profileOf(view: KeyView): KeyProfile {
  let profile = profiles.get(view);
  if (profile === undefined) {
    profile = buildProfile(view);
    profiles.set(view, profile);
  }
  return profile;
}

function buildProfile(view: KeyView): KeyProfile {
  const named = namedLimits(view);
  return {
    named,
    automatic: automaticPlan(named),
    held: new Set(view.key.permissions),
    subject: view.identity?.externalId ?? view.key.id,
    members: membersOf(view),
  };
}

function membersOf({ key, identity }: KeyView): string {
  const { id: keyId, name, meta, expires, enabled, permissions } = key;
  const shown = {
    keyId,
    name,
    meta,
    expires,
    enabled,
    permissions: permissions.length > 0 ? permissions : undefined,
    identity: identity && {
      id: identity.id,
      externalId: identity.externalId,
      meta: identity.meta,
      ratelimits: identity.ratelimits.length > 0 ? identity.ratelimits : undefined,
    },
  };
  return `,${JSON.stringify(shown).slice(1, -1)}`;
}
