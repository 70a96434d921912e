import { SendWindow } from './send-window.js';

function deferred() {
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

test('a batch is acknowledged only when every earlier one is, in order', async () => {
  const acknowledged: number[] = [];
  const window = new SendWindow<number>(3, (mark) => acknowledged.push(mark));
  const works = [deferred(), deferred(), deferred()];
  for (const [index, work] of works.entries()) window.add(work.promise, index);
  works[1]?.resolve();
  works[2]?.resolve();
  await works[2]?.promise;
  expect(acknowledged).toEqual([]);
  works[0]?.resolve();
  await window.drain();
  expect(acknowledged).toEqual([0, 1, 2]);
});

test('a full window gives room only when one is done', async () => {
  const window = new SendWindow<number>(1, () => undefined);
  const work = deferred();
  window.add(work.promise, 0);
  let room = false;
  const waiting = window.room().then(() => {
    room = true;
  });
  await Promise.resolve();
  expect(room).toBe(false);
  work.resolve();
  await waiting;
  expect(room).toBe(true);
});

test('after a failure nothing later is acknowledged and drain tells of it when the others are done', async () => {
  const acknowledged: number[] = [];
  const window = new SendWindow<number>(3, (mark) => acknowledged.push(mark));
  const works = [deferred(), deferred(), deferred()];
  for (const [index, work] of works.entries()) window.add(work.promise, index);
  works[0]?.resolve();
  works[1]?.reject(new Error('refused'));
  works[2]?.resolve();
  await expect(window.drain()).rejects.toThrow('refused');
  await expect(window.room()).rejects.toThrow('refused');
  expect(acknowledged).toEqual([0]);
});
