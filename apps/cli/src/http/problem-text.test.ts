import { parseProblem, problemText, refusedItems } from './problem-text.js';

test('refused events are found by index or by JSON pointer, once each and in order', () => {
  const validationErrors = [
    { index: 7, message: 'time is missing' },
    { field: '/2/time', message: 'time is too far ahead' },
    { field: '/2', message: 'second reason' },
    { field: '/12' },
    { field: 'subject', message: 'names no event' },
    { index: 1.5 },
    null,
  ];
  expect(refusedItems({ extensions: { validationErrors } })).toEqual([
    { index: 2, reason: 'time is too far ahead' },
    { index: 7, reason: 'time is missing' },
    { index: 12, reason: 'not valid' },
  ]);
});

test('both families of errors, and answers that are none, become one sentence', () => {
  expect(problemText(404, parseProblem('{"detail":"no such meter","title":"Not Found"}'))).toBe('no such meter');
  expect(problemText(404, parseProblem('{"error":{"detail":"no such key"}}'))).toBe('no such key');
  expect(problemText(502, parseProblem('<html>'))).toBe('the server answered 502');
  expect(problemText(500, parseProblem('null'))).toBe('the server answered 500');
});
