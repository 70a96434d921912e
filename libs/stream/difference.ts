/** Where two accounts of the same events do not agree. */
import { dayOf } from '#domain/log/counted-range.js';
import type { WrongMinute, WrongRollup } from '#ports/usage-books.js';

/**
 * `events`, `conflicts`, `undecodable`: stored rows against the books. `rollup`: rollups against raw events. `log`: the
 * books against the log. `books`: what was committed against what is booked, and the books against themselves.
 */
export type Account = 'events' | 'conflicts' | 'undecodable' | 'rollup' | 'log' | 'books';

export interface Difference {
  readonly partition: number;
  readonly account: Account;
  /** Offsets of the records concerned; of rollups only the window is known. */
  readonly range?: { readonly first: number; readonly next: number };
  /** Minute of acceptance, or start of the first window that is wrong, epoch ms; 0 where it is not known. */
  readonly minute: number;
  /** UTC day of acceptance. */
  readonly day: string;
  /** Of a rollup. */
  readonly size?: string;
  readonly expected: number;
  readonly found: number;
}

export function amountOf({ expected, found }: Difference): number {
  return Math.abs(expected - found);
}

/** Sum of what is unexplained, whichever sign it has. */
export function unexplained(differences: readonly Difference[], partition?: number): number {
  const own = differences.filter((difference) => partition === undefined || difference.partition === partition);
  return own.reduce((sum, difference) => sum + amountOf(difference), 0);
}

export function ofMinute({ booked, events, conflictLetters, undecodableLetters }: WrongMinute): Difference[] {
  const { partition, minute, first, next } = booked;
  const explained = booked.counted + booked.duplicates + booked.conflicts + booked.undecodable;
  const accounts: [Account, number, number][] = [
    ['events', booked.counted, events],
    ['conflicts', booked.conflicts, conflictLetters],
    ['undecodable', booked.undecodable, undecodableLetters],
    ['books', booked.appended, explained],
  ];
  return accounts
    .filter(([, expected, found]) => expected !== found)
    .map(([account, expected, found]) => {
      return { partition, account, range: { first, next }, minute, day: dayOf(minute), expected, found };
    });
}

export function ofRollup({ partition, day, size, windowStart, raw, folded }: WrongRollup): Difference {
  return { partition, account: 'rollup', minute: windowStart, day, size, expected: raw, found: folded };
}

/** Those of a first look that a second one sees as well, each as small as it was seen. */
export function seenTwice(first: readonly Difference[], second: readonly Difference[]): Difference[] {
  const again = new Map(second.map((difference) => [keyOf(difference), difference]));
  return first.flatMap((difference) => {
    const other = again.get(keyOf(difference));
    if (!other) return [];
    return amountOf(difference) <= amountOf(other) ? [difference] : [other];
  });
}

function keyOf({ partition, account, minute, day, size }: Difference): string {
  return account === 'rollup' ? `${account} ${partition} ${size} ${day}` : `${account} ${partition} ${minute}`;
}
