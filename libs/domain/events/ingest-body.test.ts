import { decodeFrame } from '../log/frame.js';
import { readIngestBody } from './ingest-body.js';
import { decodeRow } from './usage-row.js';

const NOW = Date.UTC(2026, 5, 1);
const BOUNDS = { earliest: 0, latest: NOW + 366 * 86_400_000 };
const LIMITS = { maxEvents: 5, maxEventBytes: 2_000 };
const good = {
  specversion: '1.0',
  id: '1',
  source: 'svc',
  type: 'request',
  subject: 'c1',
  time: '2026-01-02T03:04:05.678Z',
  data: { bytes: 7, status: 200 },
};

const read = (body: unknown, form: 'single' | 'batch' | 'either' = 'either') =>
  readIngestBody(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), form, NOW, BOUNDS, LIMITS);

function rowsOf(body: unknown) {
  const result = read(body);
  if (result.kind !== 'frame') throw new Error(JSON.stringify(result));
  const frame = decodeFrame(result.frame);
  if (!frame.ok) throw new Error(frame.reason);
  return frame.frame.rows.map((line) => {
    const row = decodeRow(line);
    if (!row.ok) throw new Error(row.reason);
    return row.event;
  });
}

test('what is accepted stands in the frame as it was sent, ready to be decoded again', () => {
  const [event] = rowsOf(good);
  expect(event).toMatchObject({
    id: '1',
    source: 'svc',
    type: 'request',
    subject: 'c1',
    time: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    data: good.data,
  });
});

test('an event without a time happened now, and its retry has the same fingerprint', () => {
  const { time: _, ...timeless } = good;
  const [first] = rowsOf(timeless);
  expect(first!.time).toBe(NOW);
  const later = readIngestBody(Buffer.from(JSON.stringify(timeless)), 'single', NOW + 5000, BOUNDS, LIMITS);
  const frame = later.kind === 'frame' ? decodeFrame(later.frame) : undefined;
  const again = frame?.ok ? decodeRow(frame.frame.rows[0]!) : undefined;
  expect(again?.ok && again.event.fingerprint).toBe(first!.fingerprint);
});

test('another payload under the same id has another fingerprint', () => {
  const [a] = rowsOf(good);
  for (const change of [
    { subject: 'c2' },
    { type: 't' },
    { time: '2026-01-02T03:04:06Z' },
    { data: { bytes: 8 } },
    { data: null },
  ]) {
    const [b] = rowsOf({ ...good, ...change });
    expect(b!.idHash).toBe(a!.idHash);
    expect(b!.fingerprint).not.toBe(a!.fingerprint);
  }
});

test.each([
  ['id missing', { id: undefined }, 'id'],
  ['source empty', { source: '' }, 'source'],
  ['source reserved', { source: 'keymeter/ingress' }, 'source'],
  ['type reserved', { type: 'keymeter.policy.put' }, 'type'],
  ['specversion old', { specversion: '0.3' }, 'specversion'],
  ['time without zone', { time: '2026-01-01T00:00:00' }, 'time'],
  ['time before 1970', { time: '1601-01-01T00:00:00Z' }, 'time'],
  ['time far ahead', { time: '9999-12-31T23:59:59Z' }, 'time'],
  ['subject with NUL', { subject: 'a\u0000b' }, 'subject'],
  ['subject with half a pair', { subject: 'a\ud800' }, 'subject'],
  ['subject too long', { subject: 'a'.repeat(1025) }, 'subject'],
  ['data a string', { data: 'x' }, 'data'],
  ['data an array', { data: [1] }, 'data'],
  ['data XML', { datacontenttype: 'application/xml' }, 'datacontenttype'],
  ['data binary', { data_base64: 'aGk=' }, 'data_base64'],
  ['half a pair in data', { data: { a: ['\udc00'] } }, 'data/a/0'],
])('%s is refused and named', (_, change, field) => {
  const result = read([good, { ...good, ...change }]);
  expect(result).toMatchObject({ kind: 'invalid', faults: [{ index: 1, field }] });
});

test('numbers that JSON cannot hold, poisoned names and bottomless nesting are refused', () => {
  const base = '{"specversion":"1.0","id":"1","source":"s","type":"t","subject":"u","data":';
  expect(read(`${base}{"tokens":1e400}}`)).toMatchObject({
    faults: [{ field: 'data/tokens', message: 'is no finite number' }],
  });
  expect(read(`${base}{"__proto__":{"a":1}}}`)).toMatchObject({
    faults: [{ message: expect.stringContaining('__proto__') }],
  });
  expect(read(`${base}${'{"a":'.repeat(70)}1${'}'.repeat(70)}}`)).toMatchObject({
    faults: [{ message: expect.stringContaining('64 levels') }],
  });
  expect(read(`${base}${'{"a":'.repeat(20_000)}`)).toMatchObject({ kind: 'invalid' });
});

test('every bad event of a batch is named, and nothing of the batch is taken', () => {
  const result = read([good, { ...good, id: '' }, 5, { ...good, type: '', time: 'x' }], 'batch');
  expect(result).toMatchObject({
    kind: 'invalid',
    faults: [
      { index: 1, field: 'id' },
      { index: 2, field: '' },
      { index: 3, field: 'type' },
      { index: 3, field: 'time' },
    ],
  });
});

test('forms: a single is no array, a batch is one, and only the batch type takes an empty one', () => {
  expect(read([good], 'single').kind).toBe('invalid');
  expect(read(good, 'batch').kind).toBe('invalid');
  expect(read([], 'batch').kind).toBe('empty');
  expect(read([], 'either').kind).toBe('invalid');
  expect(read('{"id":', 'either')).toMatchObject({ kind: 'invalid', detail: 'the body is no JSON' });
});

test('limits are exact and name themselves', () => {
  expect(read(Array(5).fill(good)).kind).toBe('frame');
  expect(read(Array(6).fill(good))).toMatchObject({ kind: 'too-large', detail: expect.stringContaining('5 events') });
  expect(read({ ...good, data: { blob: 'z'.repeat(2_000) } })).toMatchObject({
    kind: 'too-large',
    detail: expect.stringContaining('2000 bytes'),
  });
});

test('the names of the events, in their order, come where they are asked for', () => {
  const body = Buffer.from(JSON.stringify([good, { ...good, id: '2', source: 'other' }]));
  const named = readIngestBody(body, 'batch', NOW, BOUNDS, LIMITS, true);
  expect(named).toMatchObject({
    names: [
      { source: 'svc', id: '1' },
      { source: 'other', id: '2' },
    ],
  });
  expect(readIngestBody(body, 'batch', NOW, BOUNDS, LIMITS)).toMatchObject({ count: 2, names: undefined });
});
