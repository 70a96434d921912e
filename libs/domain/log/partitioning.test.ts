import { decodeRow, encodeRow, headOfRow } from '../events/usage-row.js';
import type { JsonObject } from '../json.js';
import { partitionKeyOf, partitionKeyOfHead } from './partitioning.js';

const TEXTS = [
  '',
  'k',
  'ü',
  'a"b',
  'back\\slash',
  'new\nline',
  '{"key_id":"x"}',
  'key_id',
  '\ud83d',
  12,
  true,
  null,
  ['k'],
  { a: 'k' },
];
const event = {
  id: 'e1',
  source: 'keymeter/ingress/n',
  type: 'request',
  subject: 's',
  time: 1,
  idHash: 0,
  fingerprint: 7,
};

test('a head names the partition key that the parsed row names, whatever the data holds, or nothing', () => {
  let heads = 0;
  for (const keyId of TEXTS) {
    for (const identityId of TEXTS) {
      for (const subject of ['s', 'a"b', 'ü', '\ud83d']) {
        for (const more of [{}, { status: 200, identity_id: 'no', key_id: 'neither' }]) {
          const line = encodeRow(
            { ...event, subject, data: { keyId, identityId, ...more } as JsonObject },
            { charge: 1 },
          );
          const head = headOfRow(line);
          const row = decodeRow(line);
          if (!row.ok) throw new Error(row.reason);
          if (!head) continue;
          heads++;
          expect([line, partitionKeyOfHead(head)]).toEqual([line, partitionKeyOf(row.event)]);
          const { id, source, type, idHash } = row.event;
          expect(head).toMatchObject({ id, source, type, subject: row.event.subject, idHash });
        }
      }
    }
  }
  expect(heads).toBeGreaterThan(500);
});

test('a row without data, a long one and one that is no row have no head', () => {
  const line = encodeRow({ ...event, data: { keyId: 'k' } });
  expect(headOfRow(line)).toBeDefined();
  expect(headOfRow(encodeRow({ ...event, data: null }))).toBeUndefined();
  expect(headOfRow(encodeRow({ ...event, data: { x: 'x'.repeat(2_000) } }))).toBeUndefined();
  for (const broken of [
    '',
    '{}',
    'no row',
    line.slice(0, -2),
    line.replace('"id"', '"no"'),
    line.replace('"e1"', '""'),
  ]) {
    expect(headOfRow(broken)).toBeUndefined();
  }
});
