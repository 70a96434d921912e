/**
 * Records for the log with all that a consumer has to decide (new events over several windows, repeats, a conflict, a
 * record that is none), and what must come of them, counted here by itself.
 */
import { frameOf, type TestEvent } from './event-rows.js';

export const LEDGER_TYPE = 'ledger';
export const SIZES = ['minute', 'hour', 'day', 'month'] as const;

/** Characters of an ISO time that name its window. */
const NAME_LENGTH = { minute: 16, hour: 13, day: 10, month: 7 } as const;
/** Over the edges of a minute, an hour, a day and a month. */
const TIMES = ['04-30T23:59:59.9', '05-01T00:00:00', '05-17T10:59:30', '05-17T10:59:59', '05-17T11:00:00'].map((text) =>
  Date.parse(`2026-${text}Z`),
);

export interface Amount {
  readonly events: number;
  readonly bytes: number;
}

/** What there must be of one subject: in all, and by window of each size. */
export interface SubjectTotals {
  readonly total: Amount;
  readonly windows: Readonly<Record<string, Amount>>;
}

export interface PartitionTotals {
  appended: number;
  counted: number;
  duplicates: number;
  conflicts: number;
  undecodable: number;
}

export class EventLedger {
  readonly #counted = new Map<string, TestEvent[]>();
  readonly #partitions = new Map<number, PartitionTotals>();

  /** Four records of one subject: 10 events, 2 repeats (one of `earlier`), a conflict, and bytes that are no frame. */
  range(partition: number, subject: string, acceptedAt: number): Buffer[] {
    const events = TIMES.flatMap((time, t) =>
      [0, 1].map((i) => ({
        id: `${subject} ${t}${i}`,
        subject,
        type: LEDGER_TYPE,
        time: time + i,
        data: { bytes: 10 * t + i },
      })),
    );
    const earlier = this.#earlier(partition);
    const conflict = { ...(events[1] as TestEvent), fingerprint: 2, data: { bytes: 1_000 } };
    const repeats = earlier ? [earlier, events[0] as TestEvent] : [events[0] as TestEvent];
    this.#counted.set(subject, events);
    this.#add(partition, { appended: events.length + repeats.length + 2, counted: 10, duplicates: repeats.length });
    this.#add(partition, { conflicts: 1, undecodable: 1 });
    this.#newest.set(partition, events[2] as TestEvent);
    return [
      frameOf(events.slice(0, 5), acceptedAt),
      Buffer.from(`no frame of ${subject}`),
      frameOf([...events.slice(5, 7), ...repeats, conflict], acceptedAt),
      frameOf(events.slice(7), acceptedAt),
    ];
  }

  get subjects(): string[] {
    return [...this.#counted.keys()];
  }

  subject(name: string): SubjectTotals {
    const events = this.#counted.get(name) ?? [];
    const windows: Record<string, Amount> = {};
    for (const event of events) {
      for (const size of SIZES) {
        const window = `${size} ${new Date(event.time).toISOString().slice(0, NAME_LENGTH[size])}`;
        windows[window] = sum(windows[window], event);
      }
    }
    return { total: events.reduce<Amount>(sum, { events: 0, bytes: 0 }), windows };
  }

  partition(partition: number): PartitionTotals {
    return this.#partitions.get(partition) ?? NOTHING;
  }

  readonly #newest = new Map<number, TestEvent>();

  #earlier(partition: number): TestEvent | undefined {
    return this.#newest.get(partition);
  }

  #add(partition: number, more: Partial<PartitionTotals>): void {
    const before = this.partition(partition);
    const after = { ...before };
    for (const name of Object.keys(NOTHING) as (keyof PartitionTotals)[]) after[name] += more[name] ?? 0;
    this.#partitions.set(partition, after);
  }
}

const NOTHING: PartitionTotals = { appended: 0, counted: 0, duplicates: 0, conflicts: 0, undecodable: 0 };

function sum(before: Amount | undefined, { data }: TestEvent): Amount {
  return { events: (before?.events ?? 0) + 1, bytes: (before?.bytes ?? 0) + Number(data?.bytes ?? 0) };
}

/** The name of a window as the ledger has it. */
export function windowName(size: (typeof SIZES)[number], start: number): string {
  return `${size} ${new Date(start).toISOString().slice(0, NAME_LENGTH[size])}`;
}
