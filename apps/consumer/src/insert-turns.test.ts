import { AsyncLocalStorage } from 'node:async_hooks';
import { jest } from '@jest/globals';
import { InsertTurns } from './insert-turns.js';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('the first turn comes at once, the others one after each rest, in the order in which they were asked for', () => {
  const turns = new InsertTurns(250);
  const begun: string[] = [];
  for (const name of ['a', 'b', 'c']) turns.ask(() => begun.push(name));
  expect(begun).toEqual(['a']);
  jest.advanceTimersByTime(249);
  expect(begun).toEqual(['a']);
  jest.advanceTimersByTime(251);
  expect(begun).toEqual(['a', 'b', 'c']);
});

test("a turn that was given up is nobody else's to wait for", () => {
  const turns = new InsertTurns(250);
  const begun: string[] = [];
  turns.ask(() => begun.push('a'));
  const giveUp = turns.ask(() => begun.push('b'));
  turns.ask(() => begun.push('c'));
  giveUp();
  jest.advanceTimersByTime(250);
  expect(begun).toEqual(['a', 'c']);
});

test('after a rest in which nobody asked the next turn comes at once, and nothing is timed meanwhile', () => {
  const turns = new InsertTurns(250);
  const begun: string[] = [];
  turns.ask(() => begun.push('a'));
  jest.advanceTimersByTime(250);
  expect(jest.getTimerCount()).toBe(0);
  turns.ask(() => begun.push('b'));
  expect(begun).toEqual(['a', 'b']);
});

test('of many batches none waits for more than eight turns', () => {
  const turns = new InsertTurns(250);
  const begun: number[] = [];
  for (let n = 0; n < 100; n++) turns.ask(() => begun.push(n));
  jest.advanceTimersByTime(8 * 250);
  expect(begun).toEqual(Array.from({ length: 100 }, (_, n) => n));
  turns.ask(() => begun.push(100));
  turns.ask(() => begun.push(101));
  jest.advanceTimersByTime(250);
  expect(begun.slice(-1)).toEqual([100]); // one by one again
});

test('each begins in the context in which it was asked for', () => {
  const turns = new InsertTurns(250);
  const partition = new AsyncLocalStorage<number>();
  const begun: unknown[] = [];
  for (let n = 0; n < 3; n++) partition.run(n, () => turns.ask(() => begun.push(partition.getStore())));
  jest.advanceTimersByTime(500);
  expect(begun).toEqual([0, 1, 2]);
});
