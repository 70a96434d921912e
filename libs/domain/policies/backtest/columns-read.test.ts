import { documentOf } from '../documents/document-fixture.js';
import type { Policy } from '../policy.js';
import { policyOf } from '../policy-fixture.js';
import { columnsRead } from './columns-read.js';

const THRESHOLDS = [
  policyOf({
    match: { type: 'request', data: { outcome: { eq: 'VALID' }, status: { in: [200, 404] } } },
    threshold: 90,
  }),
  policyOf({ match: { type: 'request', data: { status: { gte: 400 } } }, groupBy: 'ip', threshold: 20 }),
  policyOf({ match: { type: 'request', data: { route: { eq: '' } } }, threshold: 0 }),
  policyOf({ match: 'status >= 400 && subject != "s2"', groupBy: 'data.plan', threshold: 300 }),
  policyOf({ groupBy: 'subject', aggregate: 'sum', field: 'data.bytes', threshold: 9_000_000 }),
];

test.each<[string, Policy, string[]]>([
  ['a key alone', policyOf(), ['key_id', 'outcome']],
  ['texts of columns', THRESHOLDS[0] as Policy, ['key_id', 'outcome', 'status']],
  ['a range, which is of numbers', THRESHOLDS[1] as Policy, ['outcome', 'ip', 'data']],
  ['a text that a missing field has too', THRESHOLDS[2] as Policy, ['key_id', 'outcome', 'data']],
  ['CEL over columns, per a field of the data', THRESHOLDS[3] as Policy, ['subject', 'outcome', 'status', 'data']],
  ['a sum', THRESHOLDS[4] as Policy, ['subject', 'outcome', 'data']],
  [
    'a document: its filter, values, condition and exceptions',
    documentOf({
      match: 'method == "GET"',
      per: ['identityId', 'apiId'],
      measures: {
        routes: { aggregate: 'unique', of: 'route', where: 'status < 500', window: '1h' },
        usual: { aggregate: 'count', window: '1h' },
      },
      when: 'routes > 2 && usual > 3 && subject != "x"',
      except: [{ when: 'keyId == "k"' }],
    }),
    ['subject', 'key_id', 'identity_id', 'api_id', 'outcome', 'method', 'route', 'status'],
  ],
])('of %s', (_, policy, columns) => {
  expect(columnsRead([policy])).toEqual(columns);
});

test('a tag is read too, and what the version in force looks at', () => {
  expect(columnsRead([policyOf()], 'apiId')).toEqual(['key_id', 'api_id', 'outcome']);
  expect(columnsRead([policyOf()], 'data.plan')).toEqual(['key_id', 'outcome', 'data']);
  expect(columnsRead([policyOf(), policyOf({ groupBy: 'ip' })])).toEqual(['key_id', 'outcome', 'ip']);
});
