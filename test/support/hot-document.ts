/** A policy document that suspends a key on its third call within a minute. */
export const hotDocument = {
  kind: 'Policy',
  apiVersion: 'keymeter/v1',
  name: 'hot',
  mode: 'on',
  match: 'type == "request"',
  per: 'keyId',
  measures: { calls: { aggregate: 'count', window: '1m' } },
  when: 'calls > 2',
  // biome-ignore lint/suspicious/noThenProperty: a list is no function
  then: [{ action: 'suspend', for: '10m' }],
  tests: [
    { name: 'three', given: [{ repeat: 3, data: { keyId: 'k' } }], expect: [{ action: 'suspend', subject: 'k' }] },
    { name: 'two', given: [{ repeat: 2, data: { keyId: 'k' } }], expect: [] },
  ],
};
