/**
 * The hash chain over the audit rows of one partition, in the order of the log. Each link is a hash of the one before it
 * and of what it stands for, so it stands for everything before it as well (docs/adr/0021).
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.js';

/**
 * `begin`: rows at and above `offset` are linked, those between the link before and `offset` are not: the first link of
 * every chain, and where snapshots and log were lost together. `row`: one audit row.
 */
export interface ChainLink {
  /** From 0, without gaps. */
  readonly sequence: number;
  readonly kind: 'begin' | 'row';
  readonly offset: number;
  readonly index: number;
  /** Of the row, epoch ms; 0 of a begin. */
  readonly acceptedAt: number;
  /** Of the row; what the chain is of, for a begin. */
  readonly id: string;
  /** Of the row; '' of a begin. */
  readonly digest: string;
  /** SHA-256 over the link before and all of the above, 64 hexadecimal digits. */
  readonly link: string;
}

/** How far a chain has come: whoever notes it can tell later that nothing up to there was changed or cut off. */
export interface ChainHead {
  readonly sequence: number;
  readonly link: string;
}

export type UnlinkedLink = Omit<ChainLink, 'link'>;

const NOTHING_BEFORE = 'keymeter audit chain 1';

export function linkOf(before: string | undefined, entry: UnlinkedLink): string {
  const { sequence, kind, offset, index, acceptedAt, id, digest } = entry;
  const parts = [before ?? NOTHING_BEFORE, sequence, kind, offset, index, acceptedAt, id, digest];
  return createHash('sha256').update(canonicalJson(parts)).digest('hex');
}

/** `log`: of which log and partition the chain is, so that another one cannot stand in for it. */
export function beginLink(before: ChainHead | undefined, log: string, offset: number): ChainLink {
  return linked(before, { kind: 'begin', offset, index: 0, acceptedAt: 0, id: log, digest: '' });
}

/** `row`: what `digested` makes of it. */
export function rowLink(before: ChainHead, row: Omit<UnlinkedLink, 'sequence' | 'kind'>): ChainLink {
  return linked(before, { kind: 'row', ...row });
}

function linked(before: ChainHead | undefined, rest: Omit<UnlinkedLink, 'sequence'>): ChainLink {
  const entry = { sequence: (before?.sequence ?? -1) + 1, ...rest };
  return { ...entry, link: linkOf(before?.link, entry) };
}
