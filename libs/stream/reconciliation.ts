/**
 * Holds the accounts of the same events against each other: what the log says it holds, what consumers have committed and
 * booked, and what is stored. A difference is taken for one only when a second and third look see it too, since tables
 * are not read at one moment and replicas may lag.
 */
import { isArchive } from '#domain/log/archive.js';
import { type CountedRange, dayOf } from '#domain/log/counted-range.js';
import type { Clock } from '#ports/clock.js';
import type { Progress } from '#ports/offset-store.js';
import type { BookedDay, BookedSpan, UsageBooks } from '#ports/usage-books.js';
import { type Difference, ofMinute, ofRollup, seenTwice } from './difference.js';
import type { LogAccount } from './log-account.js';

export interface Reconciled {
  readonly spans: readonly BookedSpan[];
  readonly differences: readonly Difference[];
}

export interface FullyReconciled extends Reconciled {
  /** Sums of the books by partition. */
  readonly totals: readonly CountedRange[];
}

/** A look at everything on demand. */
export abstract class FullReconciliation {
  /** Everything that has not expired; `withLog`: all of the log that is still there, too. */
  abstract full(withLog: boolean): Promise<FullyReconciled>;
}

export interface ReconciliationOptions {
  /** What consumers have committed, by partition. */
  readonly committed: () => Promise<readonly Progress[]>;
  readonly rawRetentionMs: number;
  readonly pause?: (ms: number) => Promise<unknown>;
}

/** With the ten seconds in which a commit is booked, a difference shows within a minute. */
export const RECONCILE_EVERY_MS = 20_000;

const LOOKS = 3;
const PAUSE_MS = 300;
const MAX_DIFFERENCES = 1_000;
/** Days that events still come in for, and the one before. */
const HOT_DAYS = 2;
/** Stored events of older days that one round looks at, about 55 ns of engine time each. */
const COLD_EVENTS = 10_000_000;
const DAY_MS = 86_400_000;
/** Of records that do not tell when they were accepted. */
const NO_DAY = dayOf(0);

export class Reconciliation extends FullReconciliation {
  /** Up to where the log was added up, by partition. */
  readonly #tallied = new Map<number, number>();
  /** What the log had that the books have not: it is looked at once, so it is remembered. */
  #ofLog: Difference[] = [];
  #wrongDays = new Set<string>();
  #turn = 0;

  constructor(
    private readonly books: UsageBooks,
    private readonly log: LogAccount,
    private readonly clock: Clock,
    private readonly options: ReconciliationOptions,
  ) {
    super();
  }

  /**
   * One round of the standing check: the newest days, every day whose number of events is not the booked one, other days
   * in turn, and what the log got since the last round. `partitions`: those to look at, all unless given.
   */
  async round(partitions?: readonly number[]): Promise<Reconciled> {
    const days = this.#ofThisRound(await this.books.days());
    const { spans, differences } = await this.#stored((spans) => this.#wrongDaysOf(spans, days), partitions);
    this.#wrongDays = new Set(differences.map(({ day }) => day));
    for (const { partition, until } of spans) {
      if (isArchive(partition)) continue;
      const first = this.#tallied.get(partition) ?? until;
      this.#ofLog.push(...(await this.log.of({ partition, first, next: until })));
      this.#tallied.set(partition, Math.max(first, until));
    }
    this.#ofLog = this.#ofLog.slice(0, MAX_DIFFERENCES);
    const ofLog = this.#ofLog.filter(({ partition }) => spans.some((span) => span.partition === partition));
    return { spans, differences: [...differences, ...ofLog] };
  }

  async full(withLog: boolean): Promise<FullyReconciled> {
    const days = await this.books.days();
    const { spans, differences } = await this.#stored(async () => [NO_DAY, ...days.map(({ day }) => day)]);
    const ofLog: Difference[] = [];
    for (const span of withLog ? spans : []) {
      if (!isArchive(span.partition)) ofLog.push(...(await this.log.whole(span))); // an archive's log is elsewhere
    }
    return { spans, differences: [...differences, ...ofLog], totals: await this.books.totals(spans) };
  }

  #ofThisRound(days: readonly BookedDay[]): string[] {
    const cold = days.slice(HOT_DAYS);
    const wanted = new Set([NO_DAY, ...days.slice(0, HOT_DAYS).map(({ day }) => day)]);
    for (const { day, suspect } of cold) if (suspect || this.#wrongDays.has(day)) wanted.add(day);
    let events = 0;
    for (let n = 0; n < cold.length && events < COLD_EVENTS; n++) {
      const next = cold[this.#turn++ % cold.length] as BookedDay;
      wanted.add(next.day);
      events += next.events;
    }
    return [...wanted];
  }

  /** Most rounds end here: sums by day are an order of magnitude cheaper than naming the minute. */
  async #wrongDaysOf(spans: readonly BookedSpan[], days: readonly string[]): Promise<string[]> {
    return this.#seenEachTime(
      () => this.books.wrongDays(spans, days),
      (before, now) => before.filter((day) => now.includes(day)),
    );
  }

  async #stored(
    daysOf: (spans: readonly BookedSpan[]) => Promise<readonly string[]>,
    partitions?: readonly number[],
  ): Promise<Reconciled> {
    const isWanted = ({ partition }: { readonly partition: number }) => !partitions || partitions.includes(partition);
    const committed = await this.options.committed(); // before the books: these only grow
    const spans = (await this.books.spans()).filter(isWanted);
    const days = await daysOf(spans);
    const look = async () => [
      ...(await this.books.wrongMinutes(spans, days, MAX_DIFFERENCES)).flatMap(ofMinute),
      ...(await this.books.wrongRollups(days, MAX_DIFFERENCES)).filter(isWanted).map(ofRollup),
    ];
    const differences = days.length === 0 ? [] : await this.#seenEachTime(look, seenTwice);
    return { spans, differences: [...differences, ...this.#unbooked(committed, spans).filter(isWanted)] };
  }

  /** What several looks see, one after the other; one look that sees nothing is enough. */
  async #seenEachTime<T>(look: () => Promise<T[]>, both: (before: T[], now: T[]) => T[]): Promise<T[]> {
    let seen = await look();
    for (let n = 1; n < LOOKS && seen.length > 0; n++) {
      await (this.options.pause ?? pause)(PAUSE_MS);
      seen = both(seen, await look());
    }
    return seen;
  }

  /** Committed ranges that neither the books nor the commit itself speak of: somebody took them out. */
  #unbooked(committed: readonly Progress[], spans: readonly BookedSpan[]): Difference[] {
    return committed.flatMap(({ unbooked = [], lastRow }, partition): Difference[] => {
      const next = Math.min(...unbooked.map((range) => range.first));
      const first = spans.find((span) => span.partition === partition)?.until ?? 0;
      const newest = lastRow?.acceptedAt ?? 0;
      const isExpired = newest < this.clock.now() - this.options.rawRetentionMs + 2 * DAY_MS;
      if (unbooked.length === 0 || first >= next || isExpired) return [];
      const records = next - first; // each holds one event at least
      return [
        {
          partition,
          account: 'books',
          range: { first, next },
          minute: 0,
          day: dayOf(newest),
          expected: records,
          found: 0,
        },
      ];
    });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
