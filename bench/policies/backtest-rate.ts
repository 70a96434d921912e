/** Events per second on one core of a backtest, from pages as the usage store hands them over to decisions. */
import type { PlacedEvent } from '#domain/events/usage-event.js';
import { Backtest } from '#domain/policies/backtest/backtest.js';
import { eventsOfPage } from '#domain/policies/backtest/event-page.js';
import { policyOf } from '#domain/policies/policy-fixture.js';
import { requests } from './requests.js';

const PAGE = 50_000;
const KEYS = 10_000;

export function backtestRate(pages = 20): { eventsPerSecond: number; decisions: number } {
  const source = requests(KEYS);
  const backtest = new Backtest(policyOf({ threshold: 5 }), undefined, { from: 0, to: Number.MAX_SAFE_INTEGER });
  backtest.begin(0);
  let elapsedMs = 0;
  for (let n = 0; n < pages; n++) {
    const page = pageOf(source.take(PAGE));
    const start = performance.now();
    for (const event of eventsOfPage(page, 0)) backtest.apply(event);
    elapsedMs += performance.now() - start;
  }
  return { eventsPerSecond: Math.round((pages * PAGE * 1_000) / elapsedMs), decisions: backtest.candidate.decisions };
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
