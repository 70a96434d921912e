import type { KeyView, RootKeyRecord } from '#domain/keys/key-record.js';
import type { Enforcement, Per } from '#domain/policies/enforcement.js';

/**
 * What this node last knew, for verifications while the store is away: given only where an operator prefers an answer
 * that may be old to none. Never anything from before a change that this node has heard of or has made itself.
 * Bounded: undefined may mean "forgotten".
 */
export abstract class LastKnown {
  abstract key(hash: string): KeyView | undefined;
  abstract rootKey(hash: string): RootKeyRecord | undefined;
  abstract activeFor(per: Per, value: string, now: number): readonly Enforcement[];
}
