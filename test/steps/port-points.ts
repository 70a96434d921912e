/**
 * Points around the calls of the consumer's ports, put on the adapters' own classes before the process begins: what runs
 * is the product as it is built, and each call can be held at a named point.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { HttpSqlClient } from '#adapters/clickhouse/http-sql-client.js';
import { KafkaEventLogReader } from '#adapters/kafka/kafka-event-log-reader.js';
import { KafkaOffsetStore } from '#adapters/kafka/kafka-offset-store.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { PartitionWriters } from '../../apps/consumer/src/partition-writers.js';
import { UsageWriter } from '../../apps/consumer/src/usage-writer.js';
import { isStep, type Phase, STEPS, statementOf } from './steps.js';

/** Resolves when the process may go on. */
export type Hold = (partition: number, phase: Phase, call: string, when: 'before' | 'sent' | 'after') => Promise<void>;

export interface PointsListener {
  readonly hold: Hold;
  /** A call is over, well or not. */
  readonly settled: (partition: number, phase: Phase, call: string) => void;
  /** A call of a partition's writer that has no step. */
  readonly unknown: (call: string) => void;
}

interface Place {
  readonly partition: number;
  readonly phase: Phase;
  readonly proving?: boolean;
  /** The request that is made here has been written to its connection. */
  readonly onSent?: () => void;
}

type Method = (...args: never[]) => unknown;
type Around = (call: () => unknown, args: readonly unknown[]) => unknown;

const place = new AsyncLocalStorage<Place>();

export function putPoints({ hold, settled, unknown }: PointsListener): void {
  const at = async (call: string, made: () => unknown): Promise<unknown> => {
    const here = place.getStore();
    if (!here) return made(); // the reconciliation's own look at the same ports
    const step = STEPS.find((it) => it.phase === here.phase && it.call === call);
    if (!isStep(here.phase, call)) unknown(`${here.phase} ${call}`);
    return held({ hold, settled, sends: step?.sends ?? false, ...here, call }, made);
  };
  const known: [string, { prototype: object }, readonly string[]][] = [
    ['OffsetStore', KafkaOffsetStore, []],
    ['EventLogReader', KafkaEventLogReader, ['lowWatermark', 'highWatermark']],
    ['UsageStore', ClickHouseUsageStore, ['prove', 'identityHashes']],
  ];
  for (const [port, { prototype }, but] of known) {
    for (const method of methodsOf(prototype)) {
      if (!but.includes(method)) replace(prototype, method, (call) => at(`${port}.${method}`, call));
    }
  }
  replace(ClickHouseUsageStore.prototype, 'prove', (call) =>
    at('UsageStore.prove', () => place.run({ ...(place.getStore() as Place), proving: true }, call)),
  );
  putPagePoint(at);
  putProofPoints(at);
  putPlaces(at);
  subscribe('http.client.request.start', (message) => {
    const onSent = place.getStore()?.onSent;
    if (onSent) (message as { request: NodeJS.WritableStream }).request.once('finish', onSent);
  });
}

interface HeldCall extends Place, Pick<PointsListener, 'hold' | 'settled'> {
  readonly call: string;
  readonly sends: boolean;
}

async function held({ hold, settled, sends, call, ...here }: HeldCall, made: () => unknown): Promise<unknown> {
  const { partition, phase } = here;
  try {
    await hold(partition, phase, call, 'before');
    let onSent = () => {};
    const sent = new Promise<void>((resolve) => {
      onSent = resolve;
    });
    const running = Promise.resolve(place.run({ ...here, onSent }, made));
    if (sends) {
      await Promise.race([sent, running.catch(() => undefined)]);
      await hold(partition, phase, call, 'sent');
    }
    const result = await running;
    await hold(partition, phase, call, 'after');
    return result;
  } finally {
    settled(partition, phase, call);
  }
}

type At = (call: string, made: () => unknown) => Promise<unknown>;

/** An iteration: held before its first page. */
function putPagePoint(at: At): void {
  replace(ClickHouseUsageStore.prototype, 'identityHashes', (call) =>
    (async function* pages() {
      await at('UsageStore.identityHashes', () => undefined);
      yield* call() as AsyncIterable<unknown>;
    })(),
  );
}

/** The statements of a proof. */
function putProofPoints(at: At): void {
  for (const method of ['query', 'command', 'insert'] as const) {
    replace(HttpSqlClient.prototype, method, (call, [sql, , settings]) => {
      if (!place.getStore()?.proving) return call();
      const token = (settings as Record<string, unknown> | undefined)?.insert_deduplication_token;
      return at(statementOf(String(sql), String(token ?? '')), call);
    });
  }
}

/** Whose calls they are: each partition's writer, and the pump that decides for it. */
function putPlaces(at: At): void {
  const within = (phase: Phase, partition: unknown, call: () => unknown) =>
    place.run({ partition: Number(partition), phase }, call);
  replace(PartitionWriters.prototype, 'assigned', (call, [partition]) => within('takeover', partition, call));
  replace(UsageWriter.prototype, 'take', (call, [frames]) => {
    const [first] = frames as readonly { partition: number }[];
    return within('counting', first?.partition, call);
  });
  replace(PartitionWriters.prototype, 'released', (call, [partition]) => within('counting', partition, call));
  replace(Deduplicator.prototype, 'decide', (call, [events]) => {
    const [first] = events as readonly { partition: number }[];
    const decided = () => at('Deduplicator.decide', call);
    return place.getStore() || !first ? decided() : within('counting', first.partition, decided);
  });
}

function methodsOf(prototype: object): string[] {
  return Object.entries(Object.getOwnPropertyDescriptors(prototype))
    .filter(([name, { value }]) => typeof value === 'function' && name !== 'constructor')
    .map(([name]) => name);
}

function replace(prototype: object, name: string, around: Around): void {
  const real = Reflect.get(prototype, name) as Method;
  Object.defineProperty(prototype, name, {
    configurable: true,
    writable: true,
    value: function replaced(this: unknown, ...args: never[]) {
      return around(() => real.apply(this, args), args);
    },
  });
}
