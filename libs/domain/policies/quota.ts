/**
 * Quotas: policies that hold a key or an identity as soon as it has made more requests in a calendar window than a number.
 * Callers are told how many are left while nothing has been decided yet.
 */
import type { Expr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { z } from 'zod';
import { parseCondition } from '../conditions/condition-syntax.js';
import type { PolicyDocument } from './documents/policy-document.js';
import { isThreshold } from './grouping.js';
import { compileMatch } from './matcher.js';
import type { Policy } from './policy.js';
import type { ThresholdPolicy } from './threshold-policy.js';

const quotaSchema = z.object({
  policyId: z.string(),
  policyName: z.string(),
  per: z.enum(['key', 'identity']),
  /** Requests in one window; the next one is too many. */
  limit: z.number(),
  /** The measure that counts them, of a document. */
  measure: z.string().optional(),
});
export type Quota = z.output<typeof quotaSchema>;

const standingSchema = z.object({
  policyId: z.string(),
  /** Key or identity id. */
  value: z.string(),
  used: z.number(),
  /** Of the window, epoch ms. */
  start: z.number(),
  end: z.number(),
});
/** How far somebody has come. */
export type QuotaStanding = z.output<typeof standingSchema>;
export type QuotaUse = Omit<QuotaStanding, 'policyId' | 'value'>;

/** What engines tell of quotas: all that are in force, and who moved since they told last. */
export const quotaNewsSchema = z.object({ quotas: z.array(quotaSchema), standings: z.array(standingSchema) });
export type QuotaNews = z.output<typeof quotaNewsSchema>;

const PER: Readonly<Record<string, Quota['per']>> = { keyId: 'key', identityId: 'identity' };
const REQUEST = 'request';
const HOLDS: ReadonlySet<string> = new Set(['throttle', 'suspend', 'revoke']);

/** Undefined for a policy that is no quota, or does not act on everybody. */
export function quotaOf(policy: Policy): Quota | undefined {
  const found = isThreshold(policy) ? ofThreshold(policy) : ofDocument(policy.document);
  if (policy.mode !== 'on' || found === undefined) return undefined;
  const { types } = compileMatch(isThreshold(policy) ? policy.match : policy.document.match);
  if (types?.size !== 1 || !types.has(REQUEST)) return undefined;
  return { policyId: policy.id, policyName: policy.name, ...found };
}

type Found = Pick<Quota, 'per' | 'limit' | 'measure'>;

function ofThreshold({ groupBy, aggregate, window, threshold, action }: ThresholdPolicy): Found | undefined {
  const per = PER[groupBy];
  if (per === undefined || aggregate !== 'count' || typeof window === 'string' || action.type === 'warn')
    return undefined;
  return { per, limit: Math.floor(threshold) };
}

function ofDocument({ per: [field = '', ...more], measures, when, then }: PolicyDocument): Found | undefined {
  const per = PER[field];
  const place = then.findIndex(({ action }) => HOLDS.has(action));
  const condition = then[place]?.when ?? (place === 0 ? when : undefined); // a later stage without one is for repeaters
  const most = condition === undefined ? undefined : mostOf(parseCondition(condition).root);
  if (per === undefined || more.length > 0 || most === undefined) return undefined;
  const spec = measures[most.measure];
  if (spec?.aggregate !== 'count' || typeof spec.window === 'string' || !('calendar' in spec.window)) return undefined;
  return { per, ...most };
}

/** Of `calls > 1000` and `calls >= 1001`: how much `calls` may be. */
function mostOf({ exprKind }: Expr): { measure: string; limit: number } | undefined {
  if (exprKind.case !== 'callExpr') return undefined;
  const { function: operator, args } = exprKind.value;
  const [left, right] = args.map((arg) => arg.exprKind);
  if (left?.case !== 'identExpr' || right?.case !== 'constExpr') return undefined;
  const threshold = Number(right.value.constantKind.value);
  if (operator === '_>_') return { measure: left.value.name, limit: Math.floor(threshold) };
  if (operator === '_>=_') return { measure: left.value.name, limit: Math.ceil(threshold) - 1 };
  return undefined;
}
