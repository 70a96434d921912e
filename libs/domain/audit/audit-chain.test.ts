import { DIMENSION_FIELDS, DIMENSIONS, type UsageDimensions } from '../events/usage-event.js';
import { scalarText } from '../events/usage-row.js';
import { POLICY_SOURCE } from '../policies/policy-change.js';
import { beginLink, type ChainHead, type ChainLink, rowLink } from './audit-chain.js';
import { digested, type StoredAuditRow } from './audit-row.js';
import { ChainCheck, type FoundFault } from './chain-check.js';

const LOG = 'log/0';
const ROWS = 10;
const VICTIM = 4;

const rows: readonly StoredAuditRow[] = Array.from({ length: ROWS }, (_, n) => rowOf(n, n));
const changed = rows.with(VICTIM, rowOf(VICTIM, 99));

function rowOf(offset: number, value: number): StoredAuditRow {
  const data = { id: `enf_${offset}`, value };
  const columns = Object.fromEntries(
    DIMENSIONS.map((name) => [name, scalarText(data[DIMENSION_FIELDS[name] as keyof typeof data])]),
  ) as unknown as UsageDimensions;
  const place = { offset, index: 0, acceptedAt: offset, time: offset, idHash: offset, fingerprint: 1 };
  const named = { id: `row_${offset}`, source: POLICY_SOURCE, type: 'keymeter.enforcement', subject: 'key_1' };
  return { ...place, ...named, data, columns: { ...columns, bytes: null } };
}

function chainOf(linked: readonly StoredAuditRow[]): ChainLink[] {
  const links = [beginLink(undefined, LOG, 0)];
  for (const row of linked) links.push(rowLink(links.at(-1) as ChainLink, digested(row)));
  return links;
}

function faultOf(
  links: readonly ChainLink[],
  stored: readonly StoredAuditRow[],
  noted: readonly ChainHead[] = [],
): FoundFault | undefined {
  const check = new ChainCheck({ partition: 0, log: LOG, counted: ROWS, expiredBefore: 0, noted });
  for (const link of links) check.link(link, link.kind === 'row' ? stored.slice(link.offset, link.offset + 1) : []);
  check.end([], ROWS);
  return check.fault;
}

const links = chainOf(rows);
const position = { partition: 0, offset: VICTIM, index: 0 };

test('rows and the links made of them agree', () => {
  expect(faultOf(links, rows, [links.at(-1) as ChainLink])).toBeUndefined();
});

test('a changed row is named although its own link was made anew: the next link does not follow from that', () => {
  const forged = links.with(
    VICTIM + 1,
    rowLink(links[VICTIM] as ChainLink, digested(changed[VICTIM] as StoredAuditRow)),
  );
  expect(faultOf(links, changed)).toMatchObject({ fault: 'row_changed', position });
  expect(faultOf(forged, changed)).toMatchObject({ fault: 'link_changed', sequence: VICTIM + 2 });
});

test('where every link behind a changed row was made anew, a head noted anywhere behind it is another', () => {
  const forged = chainOf(changed);
  expect(faultOf(forged, changed)).toBeUndefined();
  for (const noted of links.slice(VICTIM + 1)) {
    expect(faultOf(forged, changed, [noted])).toMatchObject({ fault: 'head_differs', sequence: noted.sequence });
  }
  expect(faultOf(forged, changed, links.slice(0, VICTIM + 1))).toBeUndefined();
});
