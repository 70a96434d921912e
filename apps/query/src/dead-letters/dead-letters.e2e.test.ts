import { decodeRow } from '#domain/events/usage-row.js';
import { decodeFrame } from '#domain/log/frame.js';
import type { DeadLetter } from '#ports/usage-store.js';
import { frameOf } from '../../../../test/support/event-rows.js';
import { NOW, QueryApp, rootKey } from '../../../../test/support/query-app.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';

const folder = temporaryFolder('dead-letters');
const EVENT = { specversion: '1.0', id: 'fixed', source: 'svc', type: 'job', subject: 's' };
let query: QueryApp;
let offset = 0;

beforeAll(async () => {
  query = await QueryApp.open(folder);
});
afterAll(() => query.close());

/** Returns the path of the letter. */
async function letter(given: Partial<DeadLetter> & { bytes: Buffer }): Promise<string> {
  const place = { partition: 0, offset: offset++, index: 0 };
  const rest = { acceptedAt: NOW, reason: 'undecodable', detail: 'd', source: '', id: '' } as const;
  await query.store.insertDeadLetters([{ ...place, ...rest, ...given }]);
  return `/api/v1/dead-letters/0:${place.offset}:0`;
}

const post = (path: string, body: unknown = {}) => query.call('POST', path, body);

/** Rows that were written since the last call, by source and id. */
let seen = 0;
async function written() {
  const records = await query.written.read(0, seen, 1e6);
  seen += records.length;
  return records.flatMap(({ value }) => {
    const decoded = decodeFrame(value);
    if (!decoded.ok) throw new Error(decoded.reason);
    return decoded.frame.rows.map((row) => {
      const read = decodeRow(row);
      if (!read.ok) throw new Error(read.reason);
      return { ...read.event, charge: read.charge };
    });
  });
}

test('a letter that can be read by now is sent again with source and id, without what it took from counters, and audited', async () => {
  const frame = frameOf(
    [
      { id: 'a', time: NOW },
      { id: 'b', time: NOW, source: 'other' },
    ],
    NOW,
  );
  const path = await letter({ bytes: frame });
  const answer = await post(`${path}/replay`, { note: 'after the update' });
  expect([answer.statusCode, answer.headers['keymeter-position']]).toEqual([200, '0:1']);
  expect(answer.json()).toMatchObject({ state: 'replayed', events: 2, settled: { note: 'after the update' } });
  const rows = await written();
  expect(rows.map(({ source, id }) => `${source} ${id}`).slice(0, 2)).toEqual(['test a', 'other b']);
  expect(rows.map(({ idHash, charge }) => [idHash > 0, charge]).slice(0, 2)).toEqual([
    [true, undefined],
    [true, undefined],
  ]);
  expect(rows[2]).toMatchObject({
    type: 'keymeter.dead_letter.replayed',
    subject: '0:0:0',
    data: { position: '0:0:0', events: 2, note: 'after the update', by: expect.stringMatching(/^root_/) },
  });
  const [listed] = (await query.get<{ items: object[] }>('/api/v1/dead-letters?state=replayed')).items;
  expect(listed).toMatchObject({ position: '0:0:0', state: 'replayed' });
});

test('what a verification took from counters is left out: it was never taken for a record that could not be read', async () => {
  const row = {
    id: 'r',
    source: 'keymeter/verify',
    type: 'request',
    subject: 'k',
    time: NOW,
    id_hash: 0,
    fingerprint: 0,
  };
  const path = await letter({ bytes: Buffer.from(JSON.stringify({ ...row, charge: { credits: 1 } })) });
  expect((await post(`${path}/replay`)).statusCode).toBe(200);
  const [event] = await written();
  expect([event?.charge, event?.idHash === 0]).toEqual([undefined, false]);
});

test('events that somebody wrote past ingest are sent again under its rules', async () => {
  const path = await letter({ bytes: Buffer.from(JSON.stringify([{ ...EVENT, data: { bytes: 3 } }])) });
  expect((await post(`${path}/replay`)).json()).toMatchObject({ state: 'replayed', events: 1 });
  expect((await written())[0]).toMatchObject({ id: 'fixed', data: { bytes: 3 } });
});

test('bytes that cannot be read stay a letter until somebody corrects them; a correction sent again must be the same event', async () => {
  const path = await letter({ bytes: Buffer.from('\u0000random') });
  const refused = await post(`${path}/replay`);
  expect(refused.json()).toMatchObject({ status: 422, extensions: { code: 'data/dead_letter_unreadable' } });
  expect(await written()).toEqual([]);
  expect((await post(`${path}/replay`, { events: [{ ...EVENT, subject: '' }] })).statusCode).toBe(422);
  for (let time = 0; time < 2; time++) {
    expect((await post(`${path}/replay`, { events: [EVENT] })).json()).toMatchObject({ state: 'replayed', events: 1 });
  }
  const [first, , again] = await written();
  expect(again).toMatchObject({
    source: first?.source,
    id: first?.id,
    idHash: first?.idHash,
    fingerprint: first?.fingerprint,
  });
  const other = await post(`${path}/replay`, { events: [{ ...EVENT, id: 'another' }] });
  expect(other.json()).toMatchObject({ status: 409, extensions: { code: 'data/dead_letter_other_event' } });
  const dropped = await post(`${path}/drop`, { reason: 'too late' });
  expect(dropped.json()).toMatchObject({ status: 409, extensions: { code: 'data/dead_letter_replayed' } });
});

test('a correction keeps source and id where the letter has them', async () => {
  const path = await letter({ bytes: Buffer.from('{"source":"svc","id":"fixed"}'), source: 'svc', id: 'fixed' });
  const renamed = await post(`${path}/replay`, { events: [{ ...EVENT, id: 'renamed' }] });
  expect(renamed.json()).toMatchObject({ status: 409, extensions: { code: 'data/dead_letter_other_event' } });
  expect((await post(`${path}/replay`, { events: [EVENT] })).statusCode).toBe(200);
});

test('a conflict stays one: it can be dropped with a reason, and then still be read', async () => {
  const path = await letter({ bytes: Buffer.from('{}'), reason: 'conflict', source: 'svc', id: 'fixed' });
  await written();
  const refused = await post(`${path}/replay`);
  expect(refused.json()).toMatchObject({ status: 409, extensions: { code: 'data/dead_letter_conflict' } });
  expect(refused.body).toContain('Drop it');
  expect((await post(`${path}/drop`, {})).statusCode).toBe(400);
  expect((await post(`${path}/drop`, { reason: 'known sender' })).json()).toMatchObject({ state: 'dropped' });
  expect(await written()).toMatchObject([{ type: 'keymeter.dead_letter.dropped', data: { note: 'known sender' } }]);
  expect(await query.get(path)).toMatchObject({ state: 'dropped', settled: { note: 'known sender' } });
});

test('what keymeter writes about itself is not sent a second time', async () => {
  const row = { id: 'p', source: 'keymeter/policy', type: 'keymeter.policy.put', subject: 'p', time: NOW };
  const path = await letter({ bytes: Buffer.from(JSON.stringify({ ...row, id_hash: 0, fingerprint: 0 })) });
  expect((await post(`${path}/replay`)).statusCode).toBe(422);
});

test.each(['0:999:0', 'x', '0:1', '99999999:0:0'])('there is no letter %s', async (place) => {
  for (const call of [
    query.call('GET', `/api/v1/dead-letters/${place}`),
    post(`/api/v1/dead-letters/${place}/replay`),
  ]) {
    expect((await call).json()).toMatchObject({ status: 404, extensions: { code: 'data/dead_letter_not_found' } });
  }
});

test('reading, sending again and dropping each take a right of their own', async () => {
  await query.keys.putRootKey(rootKey('reader', ['dead_letter.*.read_dead_letter']));
  const headers = { authorization: 'Bearer reader' };
  const path = await letter({ bytes: Buffer.from('x') });
  expect((await query.call('GET', path, undefined, headers)).statusCode).toBe(200);
  expect((await query.call('POST', `${path}/replay`, {}, headers)).statusCode).toBe(403);
  expect((await query.call('POST', `${path}/drop`, { reason: 'r' }, headers)).statusCode).toBe(403);
  expect((await query.call('GET', '/api/v1/reconciliation', undefined, headers)).statusCode).toBe(403);
});
