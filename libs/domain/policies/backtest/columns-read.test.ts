import { documentOf } from '../documents/document-fixture.js';
import type { Policy } from '../policy.js';
import { policyOf } from '../policy-fixture.js';
import { columnsRead } from './columns-read.js';
import { READING_POLICIES } from './reading-fixture.js';

test.each<[string, Policy, string[]]>([
  ['a key alone', policyOf(), ['key_id', 'outcome']],
  ['texts of columns', READING_POLICIES.texts, ['key_id', 'outcome', 'status']],
  ['a range, which is of numbers', READING_POLICIES.range, ['outcome', 'ip', 'data']],
  ['a text that a missing field has too', READING_POLICIES.emptyText, ['key_id', 'outcome', 'data']],
  ['CEL over columns, per a field of the data', READING_POLICIES.celPerData, ['subject', 'outcome', 'status', 'data']],
  ['a sum', READING_POLICIES.sum, ['subject', 'outcome', 'data']],
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
