import type { KafkaBroker, RawRequest } from './kafka-protocol.js';
import type { ProduceAnswer } from './produce-request.js';
import { ProduceRequests } from './produce-requests.js';

const BATCH = Buffer.from('a batch');
const MIB = 1024 * 1024;

/** Answers by `answer`, and keeps the requests as they were encoded. */
class FakeBroker {
  readonly requests: Buffer[] = [];
  disconnects = 0;

  constructor(
    readonly nodeId: number,
    private readonly answer: () => ReadonlyMap<number, number | Error>,
  ) {}

  get broker(): KafkaBroker {
    const send = async ({ request }: RawRequest<ProduceAnswer>): Promise<ProduceAnswer> => {
      this.requests.push(((await request.encode()) as { buffer: Buffer }).buffer);
      return { written: this.answer(), clientSideThrottleTime: 0 };
    };
    const disconnect = async () => {
      this.disconnects++;
    };
    return { nodeId: this.nodeId, connectionPool: { send }, disconnect } as unknown as KafkaBroker;
  }
}

test('batches that are ready in one turn go in one request to their broker, and each learns its own offset', async () => {
  const one = new FakeBroker(
    1,
    () =>
      new Map([
        [0, 10],
        [1, 20],
      ]),
  );
  const two = new FakeBroker(2, () => new Map([[2, 30]]));
  const requests = new ProduceRequests('topic', 1_000);
  const sent = [
    requests.send(one.broker, 0, BATCH),
    requests.send(two.broker, 2, BATCH),
    requests.send(one.broker, 1, BATCH),
  ];
  expect(await Promise.all(sent)).toEqual([10, 30, 20]);
  expect([one.requests.length, two.requests.length]).toEqual([1, 1]);
  await requests.send(one.broker, 0, BATCH);
  expect(one.requests).toHaveLength(2);
});

test('what a broker refuses of one partition, or does not answer for, concerns that partition alone', async () => {
  const refusal = new Error('NOT_LEADER');
  const broker = new FakeBroker(
    1,
    () =>
      new Map<number, number | Error>([
        [0, 5],
        [1, refusal],
      ]),
  );
  const requests = new ProduceRequests('topic', 1_000);
  const sent = [0, 1, 2].map((partition) => requests.send(broker.broker, partition, BATCH));
  const [first, second, third] = await Promise.allSettled(sent);
  expect(first).toEqual({ status: 'fulfilled', value: 5 });
  expect(second).toEqual({ status: 'rejected', reason: refusal });
  expect(third).toMatchObject({ reason: { code: 'LOG_UNAVAILABLE', retryable: true } });
});

test('a request that fails fails for all of its partitions, and a connection that was closed is not used again', async () => {
  const closed = Object.assign(new Error('Closed connection'), { name: 'KafkaJSConnectionClosedError' });
  const broker = new FakeBroker(1, () => {
    throw closed;
  });
  const requests = new ProduceRequests('topic', 1_000);
  const sent = [0, 1].map((partition) => requests.send(broker.broker, partition, BATCH));
  expect(await Promise.allSettled(sent)).toEqual([0, 1].map(() => ({ status: 'rejected', reason: closed })));
  expect(broker.disconnects).toBe(1);
});

test('a request stays within its size: what is more goes in the next', async () => {
  const broker = new FakeBroker(1, () => new Map(Array.from({ length: 40 }, (_, partition) => [partition, partition])));
  const requests = new ProduceRequests('topic', 1_000);
  const batch = Buffer.alloc(MIB);
  const sent = Array.from({ length: 40 }, (_, partition) => requests.send(broker.broker, partition, batch));
  expect(await Promise.all(sent)).toEqual(Array.from({ length: 40 }, (_, partition) => partition));
  expect(broker.requests).toHaveLength(3);
  for (const { length } of broker.requests) expect(length).toBeLessThan(17 * MIB);
});
