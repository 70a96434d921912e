import { MessageChannel } from 'node:worker_threads';
import { KeymeterError } from '#domain/errors.js';
import { PortRpc } from './port-rpc.js';

const channel = new MessageChannel();
const here = new PortRpc(channel.port1);
const there = new PortRpc(channel.port2);
afterAll(() => channel.port1.close());

there.serve('sums', {
  add: async (a: number, b: number) => a + b,
  refuse: async () => {
    throw new KeymeterError('STORE_UNAVAILABLE', 'not now', { retryable: true });
  },
  break: async () => {
    throw new TypeError('a fault');
  },
});

test('a call is answered by the port on the other side, and calls do not mix up', async () => {
  const sums = await Promise.all(Array.from({ length: 50 }, (_, i) => here.call('sums', 'add', [i, 1])));
  expect(sums).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
});

test('both sides may serve', async () => {
  here.serve('names', { of: (id: number) => `name ${id}` });
  expect(await there.call('names', 'of', [7])).toBe('name 7');
});

test('a call for a port that is served later is answered then', async () => {
  const answer = here.call('late', 'hello', []);
  await new Promise(setImmediate);
  there.serve('late', { hello: () => 'here I am' });
  expect(await answer).toBe('here I am');
});

test('an infrastructure error keeps its code and whether to repeat, any other becomes an error', async () => {
  await expect(here.call('sums', 'refuse', [])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
  await expect(here.call('sums', 'break', [])).rejects.toThrow('a fault');
});

test('when the other side is gone, calls that wait and calls that come are rejected', async () => {
  const waiting = here.call('never', 'served', []);
  here.fail(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  await expect(here.call('sums', 'add', [1, 1])).rejects.toThrow('gone');
});
