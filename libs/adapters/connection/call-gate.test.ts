import { CallGate } from './call-gate.js';

/** A query that runs until it is told to end. */
function held(log: string[], name: string) {
  let resolve: (value: string) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<string>((onResolve, onReject) => {
    [resolve, reject] = [onResolve, onReject];
  });
  const query = () => {
    log.push(name);
    return promise;
  };
  return { query, end: () => resolve(name), fail: (error: Error) => reject(error) };
}

const turns = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

test('no more queries run at once than allowed, and those that wait come in order, also after a failure', async () => {
  const gate = new CallGate({ running: 2, waiting: 5, waitMs: 60_000, refusal: 'Too many.' });
  const started: string[] = [];
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => held(started, name));
  const results = [a, b, c, d].map((query) => gate.run(query!.query));
  const failure = results[0]!.catch((error: Error) => error.message);
  await turns();
  expect(started).toEqual(['a', 'b']);
  a!.fail(new Error('broken'));
  expect(await failure).toBe('broken');
  await turns();
  expect(started).toEqual(['a', 'b', 'c']);
  b!.end();
  c!.end();
  d!.end();
  expect(await Promise.all(results.slice(1))).toEqual(['b', 'c', 'd']);
  expect(await gate.run(async () => 'e')).toBe('e');
});

test('a query too many is refused at once, one that waits too long in time, and neither takes a place', async () => {
  const gate = new CallGate({ running: 1, waiting: 1, waitMs: 5, refusal: 'Too many.' });
  const first = held([], 'a');
  const running = gate.run(first.query);
  const waiting = gate.run(async () => 'b');
  await expect(gate.run(async () => 'c')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
  await expect(waiting).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  first.end();
  expect(await running).toBe('a');
  expect(await gate.run(async () => 'd')).toBe('d');
});
