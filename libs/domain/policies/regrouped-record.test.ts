import { partitionOf } from '../log/partitioning.js';
import { KnownPolicies } from './known-policies.js';
import { packPlace, unpackPlace } from './packed-place.js';
import { eventAt, putRow } from './policy-fixture.js';
import { RegroupedBatch } from './regrouped-batch.js';
import { LOG, perAddress } from './regrouped-fixture.js';
import { decodeRegrouped, type RegroupedRecord } from './regrouped-record.js';
import { Regrouper } from './regrouper.js';

const SOURCE = { log: LOG, source: 3, sources: 8, partitions: 4 };

function decoded(value: Buffer): RegroupedRecord {
  const result = decodeRegrouped(value);
  if (!result.ok) throw new Error(result.reason);
  return result.record;
}

function regrouperOf(...policies: ReturnType<typeof perAddress>[]): Regrouper {
  const regrouper = new Regrouper();
  for (const [n, policy] of policies.entries()) regrouper.apply(putRow(policy, n));
  return regrouper;
}

test('a record says place, times, group value and measures, and carries the policies that it names', () => {
  const sum = perAddress({ name: 'bytes', aggregate: 'sum', field: 'data.bytes' });
  const policies = [perAddress(), sum];
  const regrouper = regrouperOf(...policies);
  const batch = new RegroupedBatch(SOURCE);
  const event = { ...eventAt(1_000, 7, { ip: 'x', bytes: '2.25' }, 4), acceptedAt: 1_500 };
  batch.add(event, regrouper.apply(event));
  const [record, ...more] = batch.take(1_500);
  expect(more).toEqual([]);
  expect(record?.partition).toBe(partitionOf('x', 4));
  expect(decoded(record?.value as Buffer)).toEqual({
    v: 1,
    log: LOG,
    source: 3,
    sources: 8,
    upTo: 1_500,
    policies,
    entries: [
      [
        7,
        4,
        1_000,
        1_500,
        'x',
        [
          [0, 1, 0],
          [1, 2, 250_000_000],
        ],
      ],
    ],
  });
});

test('what no regrouped policy counts is not sent, and without such a policy nothing is', () => {
  const regrouper = regrouperOf(perAddress({ groupBy: 'keyId' }), perAddress({ name: 'b', match: { type: 'other' } }));
  expect(regrouper.apply(eventAt(1, 1, { ip: 'x' }))).toEqual([]);
  expect(new RegroupedBatch(SOURCE).take(1)).toEqual([]);
});

test('a batch above its size becomes several records; the entries of one event are never cut', () => {
  const regrouper = regrouperOf(perAddress(), perAddress({ name: 'plan', groupBy: 'data.plan' }));
  const batch = new RegroupedBatch({ ...SOURCE, partitions: 1 }, 5_000);
  for (let n = 0; n < 200; n++) {
    const event = eventAt(n, n, { ip: `10.0.0.${n}`, plan: 'p' });
    batch.add(event, regrouper.apply(event));
  }
  const records = batch.take(200).map(({ value }) => decoded(value));
  expect(records.length).toBeGreaterThan(3);
  const offsets = records.map(({ entries }) => entries.map((entry) => (Array.isArray(entry) ? entry[0] : -1)));
  expect(offsets.flat()).toEqual(Array.from({ length: 400 }, (_, n) => Math.floor(n / 2)));
  for (const list of offsets) expect(list.length % 2).toBe(0);
});

const SOUND = { v: 1, log: LOG, source: 0, sources: 1, upTo: 0, policies: [], entries: [] };

test.each([
  ['nothing', ''],
  ['no JSON', 'KMF'],
  ['another version', JSON.stringify({ ...SOUND, v: 2 })],
  ['a source beyond the sources', JSON.stringify({ ...SOUND, source: 1 })],
  ['a policy that is none', JSON.stringify({ ...SOUND, policies: [{ id: 'p' }] })],
  ['a policy that it does not carry', JSON.stringify({ ...SOUND, entries: [[0, 0, 1, 1, 'x', [[0, 1, 0]]]] })],
  [
    'an entry without a group',
    JSON.stringify({ ...SOUND, policies: [perAddress()], entries: [[0, 0, 1, 1, '', [[0, 1, 0]]]] }),
  ],
  [
    'a negative offset',
    JSON.stringify({ ...SOUND, entries: [{ offset: -1, index: 0, gone: { id: 'p', version: 1 } }] }),
  ],
])('%s is no record, with a reason', (_, text) => {
  const result = decodeRegrouped(Buffer.from(text));
  expect(result).toEqual({ ok: false, reason: expect.stringMatching(/./) });
});

test('a sound record is one', () => {
  expect(decodeRegrouped(Buffer.from(JSON.stringify(SOUND)))).toEqual({ ok: true, record: SOUND });
});

test('the same policy in many records is checked and compiled once', () => {
  const known = new KnownPolicies();
  const carrying = (policy: object) => Buffer.from(JSON.stringify({ ...SOUND, policies: [policy] }));
  const policy = perAddress({ match: 'type == "request" && status >= 400' });
  const read = (it: object) => {
    const result = decodeRegrouped(carrying(it), known);
    return result.ok ? result.record.policies[0] : undefined;
  };
  expect(read(policy)).toEqual(policy);
  expect(read(policy)).toBe(read({ ...policy }));
  expect(read({ ...policy, version: 2 })).toEqual({ ...policy, version: 2 });
});

test('a place survives being packed, for every partition and index that there can be', () => {
  for (const place of [
    { partition: 0, offset: 5, index: 7 },
    { partition: 1_048_575, offset: 5, index: 2 ** 32 - 1 },
  ]) {
    expect(unpackPlace(place.offset, packPlace(place))).toEqual(place);
  }
  expect(packPlace({ partition: 0, index: 9 })).toBe(9); // as snapshots of one partition always had it
});
