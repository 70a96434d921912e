/** Operations of the table that this version does not have. They must say so (404 or 405) and do no harm. */
export const NOT_BUILT: readonly { path: string; reason: string }[] = [
  { path: '/v2/ratelimit.multiLimit', reason: 'limits are taken one by one with ratelimit.limit' },
  { path: '/v2/analytics.getVerifications', reason: 'usage is read from meters; SQL of callers is not run' },
];
