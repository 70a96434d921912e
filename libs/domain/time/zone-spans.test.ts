import { measuredOffset } from './zone-offset.js';
import { zoneSpans } from './zone-spans.js';

const HOUR_MS = 3_600_000;
const at = (text: string) => Date.parse(text);

test('spans begin where the clocks change', () => {
  expect(zoneSpans('Europe/Budapest', at('2025-01-01T00:00:00Z'), at('2026-01-01T00:00:00Z'))).toEqual([
    { from: at('2024-12-31T00:00:00Z'), offset: HOUR_MS },
    { from: at('2025-03-30T01:00:00Z'), offset: 2 * HOUR_MS },
    { from: at('2025-10-26T01:00:00Z'), offset: HOUR_MS },
  ]);
  expect(zoneSpans('UTC')).toEqual([{ from: 0, offset: 0 }]);
});

test.each(['Africa/Casablanca', 'Australia/Lord_Howe', 'America/St_Johns', 'Pacific/Apia', 'Asia/Singapore'])(
  'the spans of %s have the offset of every instant',
  (zone) => {
    const spans = zoneSpans(zone);
    for (let at = 0; at < Date.UTC(2040, 0); at += 127 * HOUR_MS + 7_919_000) {
      expect(spans.findLast(({ from }) => from <= at)?.offset).toBe(measuredOffset(at, zone));
    }
  },
);

test('a part of a zone has the same changes as the whole', () => {
  const [from, to] = [at('2024-03-31T12:00:00Z'), at('2025-03-30T01:00:01Z')];
  const whole = zoneSpans('Europe/Budapest').filter((span) => span.from < to);
  expect(zoneSpans('Europe/Budapest', from, to).slice(1)).toEqual(whole.slice(-2));
});
