/**
 * Peers, sentence 10: flip or delete any one record of the audit trail and the verification names the first bad position.
 * Everything an owner of the usage store could do to one row or one link is done to it; each is found where it was done.
 */
import { join } from 'node:path';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { ClickHouseAuditTrail } from '#adapters/clickhouse/clickhouse-audit-trail.js';
import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbAuditHeads } from '#adapters/lmdb/lmdb-audit-heads.js';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import { ENFORCEMENT_LIFTED, ENFORCEMENT_MADE, POLICY_PUT, POLICY_SOURCE } from '#domain/policies/policy-change.js';
import type { NotedHead } from '#ports/audit-trail.js';
import {
  chainName,
  type PartitionHead,
  StoredAuditVerification,
  type VerifiedPartition,
} from '#stream/audit-verification.js';
import { AuditChainOutlet } from '../../apps/policy/src/audit/audit-chain-outlet.js';
import { insertByDay } from '../support/placed-rows.js';
import { temporaryFolder } from '../support/temp-folder.js';

type Row = Record<string, unknown>;

const folder = temporaryFolder('hash-chain', async () => {
  await client.close();
  await environment.close();
});
const DAY_MS = 86_400_000;
const RETENTION = { events: 90, minute: 90, hour: 90, day: 90, month: 90 };
const START = Math.floor(Date.now() / DAY_MS) * DAY_MS - 10 * DAY_MS;
const NEXT = 40;
const SETUP_MS = 600_000;
const client = new ChdbSqlClient(join(folder, 'chdb'));
const trail = new ClickHouseAuditTrail(client);
const environment = await openEnvironment(join(folder, 'lmdb'));
const heads = new LmdbAuditHeads(environment);
const clock = new ManualClock(Date.now());
const changed = new Set<'events' | 'audit_chain'>();
let keptHeads: (NotedHead | undefined)[];
let kept: Record<'events' | 'audit_chain', Row[]>;

const verification = (counted = NEXT, now = clock) =>
  new StoredAuditVerification(trail, heads, now, {
    logId: 'log',
    rawRetentionMs: 90 * DAY_MS,
    countedNext: async () => counted,
  });

const outlet = (partition: number, from = 0) =>
  new AuditChainOutlet(trail, heads, { partition, name: chainName('log', partition), from });

/** Every fourth event is a request; the others are rows of the trail, two in each record. */
function eventsOf(partition: number): PlacedEvent[] {
  const types = [POLICY_PUT, ENFORCEMENT_MADE, ENFORCEMENT_LIFTED, 'request'];
  return Array.from({ length: NEXT * 2 }, (_, n) => {
    const type = types[n % 4] as string;
    return {
      partition,
      offset: Math.floor(n / 2),
      index: n % 2,
      acceptedAt: START + n * 60_000,
      id: `row_${n}`,
      source: type === 'request' ? 'shop' : POLICY_SOURCE,
      type,
      subject: `key_${n}`,
      time: START + n * 60_000 - 5,
      data: {
        keyId: `key_${n}`,
        value: n / 3,
        action: { type: 'suspend' },
        events: [{ partition, offset: n }],
        until: null,
      },
      idHash: n + 1,
      fingerprint: 7,
    };
  });
}

const audited = (partition: number) => eventsOf(partition).filter(({ source }) => source === POLICY_SOURCE);

async function read(table: string): Promise<Row[]> {
  return client.query<Row>(`SELECT * FROM keymeter.${table}`);
}

async function write(table: 'events' | 'audit_chain', rows: readonly Row[]): Promise<void> {
  changed.add(table);
  await client.command(`TRUNCATE TABLE keymeter.${table}`);
  const lines = rows.map((row) => JSON.stringify(row)).join('\n');
  if (rows.length > 0) await client.insert(`keymeter.${table}`, Buffer.from(lines), { insert_deduplicate: 0 });
}

const isOf = (place: { partition: number; offset: number; index: number }) => (row: Row) =>
  row.partition === place.partition && Number(row.offset) === place.offset && row.idx === place.index;

const firstFault = (partitions: readonly VerifiedPartition[]) => partitions.find(({ fault }) => fault)?.fault;

/** What is found after a table was changed. */
async function faultAfter(
  table: 'events' | 'audit_chain',
  change: (rows: Row[]) => Row[],
  noted: readonly PartitionHead[] = [],
) {
  await write(table, change(kept[table].map((row) => ({ ...row }))));
  return firstFault(await verification().verify({ heads: noted }));
}

beforeAll(async () => {
  await new ClickHouseUsageStore(client, RETENTION).prepare();
  await client.command('DROP VIEW keymeter.usage_rollups_view'); // usage is not what is looked at here
  for (const partition of [0, 1]) {
    const chain = outlet(partition);
    for (const [n, event] of eventsOf(partition).entries()) {
      chain.apply(event);
      if (n % 33 === 0) await chain.passed(event.offset);
    }
    await chain.passed(NEXT);
  }
  await insertByDay(new ClickHouseUsageStore(client, RETENTION), [...eventsOf(0), ...eventsOf(1)]);
  kept = { events: await read('events'), audit_chain: await read('audit_chain') };
  keptHeads = [await heads.load(0), await heads.load(1)];
}, SETUP_MS);

afterEach(async () => {
  for (const table of [...changed]) await write(table, kept[table]);
  changed.clear();
  for (const [partition, head] of keptHeads.entries()) await heads.save(partition, head as NotedHead);
});

test('a trail that nobody touched is whole, and every audit row has its link', async () => {
  const found = await verification().verify({ heads: await verification().heads() });
  expect(found).toMatchObject([0, 1].map((partition) => ({ partition, links: 61, rows: 60, unlinked: 0, gaps: 0 })));
  expect(firstFault(found)).toBeUndefined();
});

describe('one field of one row is changed: the verification names the row', () => {
  const victim = audited(1)[17] as PlacedEvent;
  const changes: Record<string, unknown> = {
    accepted_at: new Date(START + 7).toISOString().slice(0, -1).replace('T', ' '),
    id: 'row_x',
    type: 'keymeter.enforcement.x',
    subject: 'key_x',
    time: '2026-01-01 00:00:00.001',
    key_id: 'key_x',
    identity_id: 'x',
    api_id: 'x',
    outcome: 'x',
    method: 'x',
    status: 'x',
    route: 'x',
    ip: '192.0.2.1',
    bytes: '1',
    id_hash: '99',
    fingerprint: '99',
    data: JSON.stringify({ ...(victim.data as object), until: 1 }),
  };
  test.each(Object.keys(changes))('%s', async (field) => {
    const fault = await faultAfter('events', (rows) =>
      rows.map((row) => (isOf(victim)(row) ? { ...row, [field]: changes[field] } : row)),
    );
    const { partition, offset, index } = victim;
    expect(fault).toMatchObject({ fault: 'row_changed', position: { partition, offset, index } });
  });

  test.each(['source', 'offset', 'idx', 'partition'])('%s: the row is no longer where it was', async (field) => {
    const value = field === 'source' ? 'shop' : 500;
    const fault = await faultAfter('events', (rows) =>
      rows.map((row) => (isOf(victim)(row) ? { ...row, [field]: value } : row)),
    );
    const { partition, offset, index } = victim;
    expect(fault).toMatchObject({ fault: 'row_missing', position: { partition, offset, index } });
  });
});

test('any one row is deleted, the first, the last, or one between: the verification names it', async () => {
  for (const n of [0, 1, 29, 58, 59]) {
    const { partition, offset, index } = audited(0)[n] as PlacedEvent;
    const fault = await faultAfter('events', (rows) => rows.filter((row) => !isOf({ partition, offset, index })(row)));
    expect(fault).toMatchObject({ fault: 'row_missing', position: { partition, offset, index } });
  }
});

test('a row is made up between others, or beside one: the verification names its place', async () => {
  const { partition, offset, index } = eventsOf(0)[31] as PlacedEvent; // where a request stands
  const made = await faultAfter('events', (rows) => {
    const like = rows.find(isOf(audited(0)[20] as PlacedEvent)) as Row;
    return [...rows, { ...like, partition, offset, idx: index }];
  });
  expect(made).toMatchObject({ fault: 'row_inserted', position: { partition, offset, index } });
  const twin = audited(0)[20] as PlacedEvent;
  const twice = await faultAfter('events', (rows) => [...rows, rows.find(isOf(twin)) as Row]);
  expect(twice).toMatchObject({ fault: 'row_inserted', position: { offset: twin.offset, index: twin.index } });
});

test('two rows change places: the verification names the first', async () => {
  const [a, b] = [audited(0)[10], audited(0)[40]] as [PlacedEvent, PlacedEvent];
  const fault = await faultAfter('events', (rows) =>
    rows.map((row) => {
      const place = isOf(a)(row) ? b : isOf(b)(row) ? a : undefined;
      return place ? { ...row, offset: place.offset, idx: place.index, accepted_at: place.acceptedAt } : row;
    }),
  );
  expect(fault).toMatchObject({ fault: 'row_changed', position: { offset: a.offset, index: a.index } });
});

describe('links', () => {
  const SEQUENCE = 25;
  const row = audited(0)[SEQUENCE - 1] as PlacedEvent;
  const place = { partition: 0, offset: row.offset, index: row.index };
  const isLink = (link: Row, sequence = SEQUENCE) => link.partition === 0 && Number(link.sequence) === sequence;

  test.each(['kind', 'offset', 'idx', 'accepted_at', 'id', 'digest', 'link'])(
    '%s of one link is changed: the verification names the link',
    async (field) => {
      const value =
        { kind: 'begin', offset: row.offset + 1, idx: row.index ^ 1, accepted_at: 5 }[field] ?? 'f'.repeat(64);
      const fault = await faultAfter('audit_chain', (links) =>
        links.map((link) => (isLink(link) ? { ...link, [field]: value } : link)),
      );
      expect(fault).toMatchObject({ fault: 'link_changed', sequence: SEQUENCE });
    },
  );

  test('one link is deleted: the verification names the row that it was of', async () => {
    const fault = await faultAfter('audit_chain', (links) => links.filter((link) => !isLink(link)));
    expect(fault).toMatchObject({ fault: 'link_missing', sequence: SEQUENCE, position: place });
  });

  test('a row is deleted with its link: the verification names the link that is missing', async () => {
    await write(
      'events',
      kept.events.filter((it) => !isOf(place)(it)),
    );
    const links = kept.audit_chain.filter((link) => !isLink(link));
    await write('audit_chain', links);
    expect(firstFault(await verification().verify({ heads: [] }))).toMatchObject({ sequence: SEQUENCE });
  });

  test('two links change places: the verification names the first', async () => {
    const fault = await faultAfter('audit_chain', (links) =>
      links.map((link) => {
        if (isLink(link)) return { ...link, sequence: SEQUENCE + 1 };
        return isLink(link, SEQUENCE + 1) ? { ...link, sequence: SEQUENCE } : link;
      }),
    );
    expect(fault).toMatchObject({ fault: 'link_changed', sequence: SEQUENCE });
  });

  test('the chain of another partition stands in for this one: the verification names the first link', async () => {
    const fault = await faultAfter('audit_chain', (links) =>
      links.filter(({ partition }) => partition === 1).flatMap((link) => [link, { ...link, partition: 0 }]),
    );
    expect(fault).toMatchObject({ fault: 'link_changed', sequence: 0, position: { partition: 0 } });
  });
});

describe('the tail is cut off', () => {
  const LEFT = 50;
  const end = audited(0)[LEFT - 1] as PlacedEvent;
  const isTail = (row: Row) =>
    row.partition === 0 &&
    (Number(row.offset) > end.offset || (Number(row.offset) === end.offset && (row.idx as number) > end.index));

  test('of the links: the rows behind them have none', async () => {
    const fault = await faultAfter('audit_chain', (links) => links.filter((link) => !isTail(link)));
    const { offset, index } = audited(0)[LEFT] as PlacedEvent;
    expect(fault).toMatchObject({ fault: 'link_missing', position: { partition: 0, offset, index } });
  });

  test('of rows and links together: the head that is kept in another store tells, and one that somebody noted', async () => {
    const noted = await verification().heads();
    await write(
      'events',
      kept.events.filter((row) => !isTail(row)),
    );
    const fault = await faultAfter('audit_chain', (links) => links.filter((link) => !isTail(link)));
    expect(fault).toMatchObject({ fault: 'tail_cut', sequence: LEFT + 1, position: { offset: end.offset } });
    // Whoever could write to that store as well still cannot change what was noted on paper.
    const { sequence, link } = (await trail.last(0)) as { sequence: number; link: string };
    await heads.save(0, { sequence, link, linkedBelow: end.offset + 1 });
    expect(firstFault(await verification().verify({ heads: [] }))).toBeUndefined();
    const found = await verification().verify({ heads: noted });
    expect(firstFault(found)).toMatchObject({ fault: 'tail_cut', position: { partition: 0 } });
  });

  test('and the process goes on: what was cut off stays missing, and is not papered over by a new chain', async () => {
    await write(
      'events',
      kept.events.filter((row) => !isTail(row)),
    );
    await write(
      'audit_chain',
      kept.audit_chain.filter((link) => !isTail(link)),
    );
    const chain = outlet(0, NEXT);
    chain.apply({ ...(audited(0)[0] as PlacedEvent), offset: NEXT, index: 0 });
    await chain.passed(NEXT + 1);
    const fault = firstFault(await verification().verify({ heads: [] }));
    expect(fault).toMatchObject({ fault: 'link_missing', sequence: LEFT + 1 });
  });
});

test('a whole new chain over changed rows is consistent, and is not the one that was noted', async () => {
  const noted = await verification().heads();
  await write(
    'events',
    kept.events.filter((row) => !isOf(audited(0)[3] as PlacedEvent)(row)),
  );
  await write(
    'audit_chain',
    kept.audit_chain.filter(({ partition }) => partition === 1),
  );
  const forged = new AuditChainOutlet(trail, { save: async () => undefined, load: async () => undefined } as never, {
    partition: 0,
    name: chainName('log', 0),
    from: 0,
  });
  for (const event of audited(0)) if (event.id !== audited(0)[3]?.id) forged.apply(event);
  await forged.passed(NEXT);
  expect(firstFault(await verification().verify({ heads: noted }))).toMatchObject({ position: { partition: 0 } });
});

test('rows that retention dropped leave their links, which go on proving the order; a changed link is still found', async () => {
  const later = new ManualClock(START + 91.5 * DAY_MS);
  const gone = kept.events.filter(({ partition }) => partition !== 0);
  await write('events', gone);
  const found = await verification(NEXT, later).verify({ heads: [] });
  expect(found[0]).toMatchObject({ links: 61, rows: 0, expired: 60 });
  expect(firstFault(found)).toBeUndefined();
  expect(firstFault(await verification().verify({ heads: [] }))).toMatchObject({ fault: 'row_missing' });
  await write(
    'audit_chain',
    kept.audit_chain.map((link) => (Number(link.sequence) === 9 ? { ...link, id: 'x' } : link)),
  );
  const changed = await verification(NEXT, later).verify({ heads: [] });
  expect(firstFault(changed)).toMatchObject({ fault: 'link_changed', sequence: 9 });
});

test('from a time on only what follows is looked at', async () => {
  const [early, late] = [audited(0)[5], audited(0)[45]] as [PlacedEvent, PlacedEvent];
  const since = audited(0)[30]?.acceptedAt;
  await write(
    'events',
    kept.events.filter((row) => !isOf(early)(row)),
  );
  expect(firstFault(await verification().verify({ since, heads: [] }))).toBeUndefined();
  await write(
    'events',
    kept.events.filter((row) => !isOf(late)(row)),
  );
  const { offset, index } = late;
  expect(firstFault(await verification().verify({ since, heads: [] }))).toMatchObject({ position: { offset, index } });
});

test('rows that are not counted yet, and rows that are not linked yet, are no breach', async () => {
  await write(
    'events',
    kept.events.filter(({ offset }) => Number(offset) < 30),
  );
  expect(firstFault(await verification(30).verify({ heads: [] }))).toBeUndefined();
  expect(firstFault(await verification(31).verify({ heads: [] }))).toMatchObject({ fault: 'row_missing' });
});

test('who repeats rows after a crash, or beside the next owner, writes the same links', async () => {
  const before = await trail.links(0, 0, 1_000);
  for (const from of [0, 13, NEXT - 1]) {
    const again = outlet(0, from);
    for (const event of eventsOf(0)) if (event.offset >= from) again.apply(event);
    await again.passed(NEXT);
  }
  expect(await trail.links(0, 0, 1_000)).toEqual(before);
});

test('where snapshots and log were lost together, the gap is told and the rest is proved', async () => {
  const chain = outlet(7, 0);
  const all = eventsOf(7).map((event) => ({ ...event, acceptedAt: event.acceptedAt + DAY_MS }));
  const events = all.filter(({ source }) => source === POLICY_SOURCE);
  for (const event of events) if (event.offset < 10) chain.apply(event);
  await chain.passed(10);
  const behind = outlet(7, 20);
  for (const event of events) if (event.offset >= 20) behind.apply(event);
  await behind.passed(NEXT);
  await insertByDay(new ClickHouseUsageStore(client, RETENTION), all);
  const found = (await verification().verify({ heads: [] })).find(({ partition }) => partition === 7);
  expect(found).toMatchObject({ gaps: 1, unlinked: 15, rows: 45 });
  expect(found?.fault).toBeUndefined();
});
