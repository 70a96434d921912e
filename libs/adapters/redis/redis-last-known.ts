import type { KeyView, RootKeyRecord } from '#domain/keys/key-record.js';
import type { Enforcement, Per } from '#domain/policies/enforcement.js';
import { LastKnown } from '#ports/last-known.js';
import type { RedisEnforcementIndex } from './redis-enforcement-index.js';
import type { RedisKeyCache } from './redis-key-cache.js';
import type { RedisKeyRoots } from './redis-key-roots.js';

/** The mirrors of this node, asked without its lease. */
export class RedisLastKnown extends LastKnown {
  constructor(
    private readonly cache: RedisKeyCache,
    private readonly roots: RedisKeyRoots,
    private readonly index: RedisEnforcementIndex,
  ) {
    super();
  }

  key(hash: string): KeyView | undefined {
    return this.cache.lastKnown(hash);
  }

  rootKey(hash: string): RootKeyRecord | undefined {
    return this.roots.lastKnown(hash);
  }

  activeFor(per: Per, value: string, now: number): readonly Enforcement[] {
    return this.index.lastKnown(per, value, now);
  }
}
