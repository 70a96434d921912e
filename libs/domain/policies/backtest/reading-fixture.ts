/** Thresholds that look at one kind of field each, for tests. */
import { policyOf } from '../policy-fixture.js';

export const READING_POLICIES = {
  texts: policyOf({
    match: { type: 'request', data: { outcome: { eq: 'VALID' }, status: { in: [200, 404] } } },
    threshold: 90,
  }),
  range: policyOf({ match: { type: 'request', data: { status: { gte: 400 } } }, groupBy: 'ip', threshold: 20 }),
  emptyText: policyOf({ match: { type: 'request', data: { route: { eq: '' } } }, threshold: 0 }),
  celPerData: policyOf({ match: 'status >= 400 && subject != "s2"', groupBy: 'data.plan', threshold: 300 }),
  sum: policyOf({ groupBy: 'subject', aggregate: 'sum', field: 'data.bytes', threshold: 9_000_000 }),
};
