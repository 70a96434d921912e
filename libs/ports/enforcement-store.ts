import { type Enforcement, isActive, type Per } from '#domain/policies/enforcement.js';

export interface EnforcementFilter {
  readonly policyId?: string;
  readonly per?: Per;
  readonly value?: string;
  readonly activeAt?: number;
  readonly mode?: 'shadow' | 'on';
  readonly limit: number;
  /** An enforcement id of the previous page's end. */
  readonly after?: string;
}

/** Whether an enforcement is one of those that the filter asks for, page aside. */
export function passesFilter(
  enforcement: Enforcement,
  { policyId, per, value, activeAt, mode }: EnforcementFilter,
): boolean {
  if (policyId !== undefined && enforcement.policyId !== policyId) return false;
  if (per !== undefined && enforcement.target.per !== per) return false;
  if (value !== undefined && enforcement.target.value !== value) return false;
  if (mode !== undefined && enforcement.mode !== mode) return false;
  return activeAt === undefined || isActive(enforcement, activeAt);
}

/** Enforcements and their lifts: written by the policy app, read by every verification. */
export abstract class EnforcementStore {
  /**
   * Durable when it resolves, and from then on no verification overlooks it. A repeat with the same id changes
   * nothing and says 'known', also after the enforcement was lifted.
   */
  abstract enforce(enforcement: Enforcement): Promise<'created' | 'known'>;

  /** Durable when it resolves. Undefined when there is no such enforcement; the first lift stands. */
  abstract lift(id: string, lift: { at: number; by: string; reason: string }): Promise<Enforcement | undefined>;

  /**
   * Notes when a verdict first obeyed it, epoch ms. True for the first one, which stands; false for later ones, and
   * where there is no such enforcement.
   */
  abstract obeyed(id: string, at: number): Promise<boolean>;

  abstract find(id: string): Promise<Enforcement | undefined>;

  /** Newest first by begin, then id. */
  abstract list(filter: EnforcementFilter): Promise<Enforcement[]>;

  /** Enforcements that hold this target now. Synchronous and cheap: asked by every verification. */
  abstract activeFor(per: Per, value: string, now: number): readonly Enforcement[];
}
