/**
 * The way of a version to acting: off, backtested, shadow, then staged or on. What decides is the content: other words,
 * another owner or another mode need no new backtest.
 */
import { policyContentId } from './backtest/candidate.js';
import type { Policy } from './policy.js';

export type GateFault = 'needs_backtest' | 'needs_shadow';

/** `isBacktested`: whether somebody has seen a report about this content. */
export function gateFault(
  next: Policy,
  current: Policy | undefined,
  isBacktested: (contentId: string) => boolean,
): GateFault | undefined {
  if (next.mode === 'off') return undefined;
  const content = policyContentId(next);
  const isInForce = current !== undefined && current.mode !== 'off' && policyContentId(current) === content;
  if (isInForce) return undefined;
  if (!isBacktested(content)) return 'needs_backtest';
  return next.mode === 'shadow' ? undefined : 'needs_shadow';
}
