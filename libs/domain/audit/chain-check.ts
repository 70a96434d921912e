/**
 * Walks along one partition's links and the rows that are stored, both in the order of the log, and stops at the first
 * place where they do not agree.
 */
import type { EventPosition } from '../log/position.js';
import { type ChainHead, type ChainLink, linkOf } from './audit-chain.js';
import { rowDigest, type StoredAuditRow, wrongColumn } from './audit-row.js';

export type ChainFault =
  | 'row_changed'
  | 'row_missing'
  | 'row_inserted'
  | 'link_changed'
  | 'link_missing'
  | 'link_inserted'
  | 'tail_cut'
  | 'head_differs';

export interface FoundFault {
  readonly fault: ChainFault;
  /** Of the row; where nothing is left to tell it, the last place that is right. */
  readonly position: EventPosition;
  readonly sequence: number;
  readonly detail: string;
}

export interface ChainCheckOptions {
  readonly partition: number;
  /** What the chain is of, as its first link says. */
  readonly log: string;
  /** The link before the first that is shown: taken for right. */
  readonly trusted?: ChainLink;
  /** Rows of offsets below this are stored. */
  readonly counted: number;
  /** Rows accepted before this may have expired, epoch ms. */
  readonly expiredBefore: number;
  /** Heads that were noted elsewhere. */
  readonly noted: readonly ChainHead[];
}

/** Where the partition is compared up to; what lies beyond is not linked, or not stored, yet. */
export interface ChainCounts {
  links: number;
  rows: number;
  /** Of these only the link is left. */
  expired: number;
  /** Stored before the chain began, or where it has a gap. */
  unlinked: number;
  gaps: number;
}

export interface Place {
  readonly offset: number;
  readonly index: number;
}

export class ChainCheck {
  readonly counts: ChainCounts = { links: 0, rows: 0, expired: 0, unlinked: 0, gaps: 0 };
  fault: FoundFault | undefined;
  #last: ChainLink | undefined;
  readonly #noted: Map<number, string>;

  constructor(private readonly options: ChainCheckOptions) {
    this.#last = options.trusted;
    this.#noted = new Map(options.noted.map(({ sequence, link }) => [sequence, link]));
  }

  get head(): ChainHead | undefined {
    return this.#last && { sequence: this.#last.sequence, link: this.#last.link };
  }

  /** The next link, and the rows stored behind the link before up to this one's place. */
  link(link: ChainLink, rows: readonly StoredAuditRow[]): void {
    if (this.fault) return;
    const expected = (this.#last?.sequence ?? -1) + 1;
    if (link.sequence !== expected) {
      const lost = rows[0] ?? this.#last ?? link;
      this.#found('link_missing', lost, expected, `link ${expected} is missing; the next one is ${link.sequence}`);
      return;
    }
    this.#hash(link);
    if (link.kind === 'begin') this.#begin(link, rows);
    else this.#row(link, rows);
    this.counts.links++;
    this.#last = link;
  }

  /** After the last link: rows behind it, and below which offset all are linked. */
  end(rows: readonly StoredAuditRow[], linkedBelow: number): void {
    if (this.fault) return;
    const { sequence, offset, index } = this.#last ?? { sequence: -1, offset: 0, index: 0 };
    const beyond = Math.max(-1, ...this.#noted.keys());
    const lost = rows.find((row) => row.offset < linkedBelow);
    if (lost !== undefined) this.#found('link_missing', lost, sequence + 1, `row ${lost.id} has no link`);
    else if (beyond > sequence) {
      const detail = `the chain ends at link ${sequence}, a noted head says that it had link ${beyond}`;
      this.#found('tail_cut', { offset, index }, sequence + 1, detail);
    }
  }

  #hash(link: ChainLink): void {
    const { link: stored, ...entry } = link;
    const { sequence } = link;
    if (sequence === 0 && (link.kind !== 'begin' || link.id !== this.options.log)) {
      this.#found('link_changed', link, sequence, `the first link is of ${link.id}, not of ${this.options.log}`);
    }
    if (linkOf(this.#last?.link, entry) !== stored) {
      this.#found(
        'link_changed',
        link,
        sequence,
        `link ${sequence} does not follow from the one before and its own fields`,
      );
    }
    const noted = this.#noted.get(sequence);
    if (noted !== undefined && noted !== stored) {
      this.#found('head_differs', link, sequence, `link ${sequence} is not the one that was noted`);
    }
    if (this.#last && link.kind === 'row' && compare(link, placeOf(this.#last)) <= 0) {
      this.#found('link_inserted', link, sequence, `link ${sequence} stands before the place of the one before`);
    }
  }

  #begin({ offset, sequence }: ChainLink, rows: readonly StoredAuditRow[]): void {
    if (sequence > 0) this.counts.gaps++;
    this.counts.unlinked += rows.filter((row) => row.offset < offset).length;
  }

  #row(link: ChainLink, rows: readonly StoredAuditRow[]): void {
    const { sequence } = link;
    const [first, second] = rows;
    const stranger = first && compare(first, link) < 0 ? first : second;
    if (stranger) {
      this.#found(
        'row_inserted',
        stranger,
        sequence,
        `row ${stranger.id} is stored there, and the chain knows of none`,
      );
      return;
    }
    if (first === undefined) this.#absent(link);
    else this.#compare(link, first);
  }

  #compare(link: ChainLink, row: StoredAuditRow): void {
    const { sequence, digest } = link;
    this.counts.rows++;
    const column = wrongColumn(row);
    if (rowDigest(row) !== digest) {
      this.#found('row_changed', link, sequence, `row ${link.id} is not what was linked`);
    } else if (column !== undefined) {
      this.#found('row_changed', link, sequence, `column ${column} of row ${link.id} is not what its data says`);
    }
  }

  #absent(link: ChainLink): void {
    if (link.acceptedAt < this.options.expiredBefore) this.counts.expired++;
    else if (link.offset < this.options.counted) {
      this.#found('row_missing', link, link.sequence, `row ${link.id} is gone`);
    }
  }

  #found(fault: ChainFault, { offset, index }: Place, sequence: number, detail: string): void {
    const { partition } = this.options;
    this.fault ??= { fault, position: { partition, offset, index }, sequence, detail };
  }
}

/** A begin stands before the first row of its record. */
export function placeOf({ kind, offset, index }: ChainLink): Place {
  return { offset, index: kind === 'begin' ? -1 : index };
}

function compare(a: Place, b: Place): number {
  return a.offset - b.offset || a.index - b.index;
}
