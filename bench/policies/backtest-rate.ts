/** Events per second on one core of a backtest, from pages as the usage store hands them over to decisions. */
import type { PlacedEvent } from '#domain/events/usage-event.js';
import { Backtest } from '#domain/policies/backtest/backtest.js';
import { eventsOfPage } from '#domain/policies/backtest/event-page.js';
import { policyOf } from '#domain/policies/policy-fixture.js';
import { median } from '../statistics.js';
import { requests } from './requests.js';

const PAGE = 50_000;
const PAGES = 6;
const ROUNDS = 5;
const KEYS = 10_000;

/** Pages are made before: their garbage is none of the backtest's. Each round is a partition of its own. */
export function backtestRate(): { eventsPerSecond: number; decisions: number } {
  const source = requests(KEYS);
  const pages = Array.from({ length: PAGES }, () => pageOf(source.take(PAGE)));
  const backtest = new Backtest(policyOf({ threshold: 45 }), undefined, { from: 0, to: Number.MAX_SAFE_INTEGER });
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    backtest.begin(round);
    const start = performance.now();
    for (const page of pages) for (const event of eventsOfPage(page, round)) backtest.apply(event);
    rates.push((PAGES * PAGE * 1_000) / (performance.now() - start));
  }
  return { eventsPerSecond: Math.round(median(rates)), decisions: backtest.candidate.decisions };
}

/** ClickHouse's RowBinary, as libs/domain/policies/backtest/event-page.ts reads it. */
function pageOf(events: readonly PlacedEvent[]): Buffer {
  return Buffer.concat(
    events.flatMap(({ offset, index, acceptedAt, time, type, source, subject, id, data }) => {
      const numbers = Buffer.alloc(28);
      numbers.writeBigUInt64LE(BigInt(offset), 0);
      numbers.writeUInt32LE(index, 8);
      numbers.writeBigInt64LE(BigInt(Math.floor(acceptedAt)), 12);
      numbers.writeBigInt64LE(BigInt(Math.floor(time)), 20);
      return [numbers, ...[type, source, subject, id, JSON.stringify(data)].flatMap(textOf)];
    }),
  );
}

/** Led by its length as LEB128. */
function textOf(text: string): Buffer[] {
  const bytes = Buffer.from(text);
  const length: number[] = [];
  for (let left = bytes.length; ; left >>>= 7) {
    length.push(left < 0x80 ? left : (left & 0x7f) | 0x80);
    if (left < 0x80) return [Buffer.from(length), bytes];
  }
}
