import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { enterWindow, fits, type WindowUse, windowStart } from './rate-limit-window.js';

test('windows are aligned to multiples of their duration and half open', () => {
  expect([windowStart(59_999, 60_000), windowStart(60_000, 60_000), windowStart(60_001, 60_000)]).toEqual([
    0, 60_000, 60_000,
  ]);
});

test('per window exactly the limit passes, whatever the arrivals, as a list of all of them shows', () => {
  const random = randomFrom(drawSeed('window'));
  for (let run = 0; run < 60; run++) {
    const limit = 1 + Math.floor(random() * 20);
    const duration = 1000 * (1 + Math.floor(random() * 5));
    let now = Math.floor(random() * 1e9);
    const use: WindowUse = { start: windowStart(now, duration), used: 0, duration };
    const passed: { at: number; cost: number }[] = [];
    for (let i = 0; i < 200; i++) {
      now += Math.floor(random() * 400);
      const cost = Math.floor(random() * 4);
      const inWindow = passed.filter((call) => Math.floor(call.at / duration) === Math.floor(now / duration));
      const spent = inWindow.reduce((sum, call) => sum + call.cost, 0);
      enterWindow(use, now);
      expect(fits(use, limit, cost)).toBe(spent + cost <= limit);
      if (!fits(use, limit, cost)) continue;
      use.used += cost;
      passed.push({ at: now, cost });
    }
  }
});

test('a clock set back stays in the window it had reached', () => {
  const use: WindowUse = { start: 60_000, used: 7, duration: 60_000 };
  enterWindow(use, 10_000);
  expect(use).toEqual({ start: 60_000, used: 7, duration: 60_000 });
});
