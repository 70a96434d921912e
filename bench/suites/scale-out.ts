/**
 * The same events through 4, 2 and 1 consumers over 8 partitions: processor time per million events, which must not
 * grow with the number of consumers, and what the other processes take meanwhile.
 */
import { EventSender, PARTITIONS, type SendEvents, throughIngress } from '../load/event-sender.js';
import type { Bench, Measurement } from '../measurement.js';
import { BenchCluster } from '../servers/bench-cluster.js';
import { allThreads } from '../servers/server-process.js';
import { median } from '../statistics.js';

const COUNTS = [4, 2, 1] as const; // consumers are ended on the way, so later counts run warmer code
const OTHERS = ['ingress-1', 'policy-1', 'clickhouse', 'kafka'] as const;
const COUNTED_WITHIN_MS = 600_000;
const SETTLED_WITHIN_MS = 120_000;
const IDLE_MS = 2_000;
const LOOK_MS = 250; // metrics cost the consumers something, too

interface Run {
  /** Whether the events came through ingress or straight into the topic. */
  readonly way: 'topic' | 'ingress';
  readonly consumers: number;
  readonly perSecond: number;
  /** Processor seconds per million events. */
  readonly cpu: Cpu;
  /** Processor seconds per second of all consumers just before, while nothing comes: weighs in short runs. */
  readonly idle: number;
}

/** Processor seconds of the consumers together, and of each other process. */
type Cpu = Readonly<Record<'consumers' | (typeof OTHERS)[number], number>>;

export async function scaleOut(bench: Bench): Promise<Measurement[]> {
  const runs: Run[] = [];
  for (let pass = 1; pass <= bench.options.passes; pass++) {
    bench.say(`scale-out, pass ${pass} of ${bench.options.passes}: starting a cluster`);
    const counts = { ingress: 1, query: 0, policy: 1, consumer: COUNTS[0] };
    const cluster = await BenchCluster.start({ ...bench, folder: `${bench.folder}/${pass}` }, counts);
    try {
      runs.push(...(await onePass(bench, cluster)));
    } finally {
      await cluster.stop();
    }
  }
  const of = (consumers: number) => runs.filter((run) => run.way === 'topic' && run.consumers === consumers);
  const alone = of(1);
  const all = [...COUNTS].reverse().map((consumers) => figures(consumers, of(consumers), alone));
  const through = runs.filter((run) => run.way === 'ingress');
  return [
    ...all,
    { ...figures(1, through, alone), name: 'the whole way, in batches through one ingress', targets: undefined },
  ];
}

async function onePass(bench: Bench, cluster: BenchCluster): Promise<Run[]> {
  const sender = await EventSender.open(cluster.cluster.addresses.kafka);
  try {
    await watchAll(cluster);
    const consumers = new Consumers(cluster);
    bench.say(`scale-out: ${bench.options.events} events so that code is compiled`);
    await consumers.settle(sender);
    const through = throughIngress(cluster.ingress(0));
    await counted(consumers, through, bench.options.events / 2);
    await counted(consumers, sender.send, bench.options.events);
    const runs: Run[] = [];
    for (const count of COUNTS) {
      await consumers.reduceTo(count);
      await consumers.settle(sender);
      runs.push(await measured(bench, consumers, cluster, 'topic', sender.send));
    }
    return [...runs, await measured(bench, consumers, cluster, 'ingress', through)];
  } finally {
    await sender.close();
  }
}

/** One policy that looks at every event and acts on none. */
async function watchAll({ cluster }: BenchCluster): Promise<void> {
  await cluster.policy.demand('POST', '/api/v1/policies', {
    name: 'bench-watch',
    match: { type: 'request' },
    groupBy: 'keyId',
    aggregate: 'count',
    window: { calendar: 'hour', timeZone: 'UTC' },
    threshold: 1_000_000_000,
    action: { type: 'warn' },
    mode: 'on',
  });
}

async function measured(
  bench: Bench,
  consumers: Consumers,
  { cluster }: BenchCluster,
  way: Run['way'],
  send: SendEvents,
): Promise<Run> {
  const { events: wanted } = bench.options;
  const { pids } = cluster.addresses;
  const read = (): Cpu => {
    const others = OTHERS.map((name) => [name, allThreads(pids[name] as number)]);
    return { consumers: consumers.cpu(), ...Object.fromEntries(others) };
  };
  const idle = await taken(read, () => new Promise((resolve) => setTimeout(resolve, IDLE_MS)));
  const { cpu, seconds, done: events } = await taken(read, () => counted(consumers, send, wanted));
  const perMillion = mapped(cpu, (all) => (all / events) * 1e6);
  bench.say(
    `scale-out, by ${way}: ${consumers.names.length} consumers ${Math.round(events / seconds)} events/s, ${perMillion.consumers.toFixed(1)} CPU s per million`,
  );
  return {
    way,
    consumers: consumers.names.length,
    perSecond: events / seconds,
    cpu: perMillion,
    idle: idle.cpu.consumers / idle.seconds,
  };
}

/** What a piece of work took. */
async function taken<T>(read: () => Cpu, work: () => Promise<T>): Promise<{ cpu: Cpu; seconds: number; done: T }> {
  const [before, start] = [read(), performance.now()];
  const done = await work();
  const seconds = (performance.now() - start) / 1_000;
  return { cpu: mapped(read(), (after, name) => after - before[name]), seconds, done };
}

function mapped(cpu: Cpu, of: (value: number, name: keyof Cpu) => number): Cpu {
  const entries = Object.entries(cpu).map(([name, value]) => [name, of(value, name as keyof Cpu)]);
  return Object.fromEntries(entries) as Cpu;
}

/** Resolves with how many they were when all are counted. */
async function counted(consumers: Consumers, send: SendEvents, events: number): Promise<number> {
  const before = await consumers.counted();
  const sent = await send(events);
  await until(async () => sum(await consumers.counted()) - sum(before) >= sent, COUNTED_WITHIN_MS, 'counted');
  return sent;
}

function figures(consumers: number, runs: readonly Run[], alone: readonly Run[]): Measurement {
  const middle = (all: readonly Run[], of: (run: Run) => number) => median(all.map(of));
  const value = middle(runs, (run) => run.cpu.consumers);
  const ratio = median(runs.map((run, i) => run.cpu.consumers / (alone[i]?.cpu.consumers ?? Number.NaN)));
  const others = OTHERS.map((name) => `${name} ${middle(runs, (run) => run.cpu[name]).toFixed(1)}`).join(', ');
  const idle = `idle ${(middle(runs, (run) => run.idle) * 1_000).toFixed(0)} ms of processor a second`;
  return {
    suite: 'scale-out',
    name: `${consumers} consumer${consumers === 1 ? '' : 's'} over ${PARTITIONS} partitions`,
    value,
    unit: 'CPU s per million events',
    reference: { name: '1 consumer', value: middle(alone, (run) => run.cpu.consumers), ratio },
    targets: consumers === 1 ? undefined : [{ of: 'ratio', atMost: 1.1 }],
    note: `at ${Math.round(middle(runs, (run) => run.perSecond))} events/s; ${idle}; meanwhile ${others} per million`,
  };
}

/** The consumers that still run. */
class Consumers {
  #names: readonly string[];

  constructor(private readonly cluster: BenchCluster) {
    this.#names = cluster.cluster.addresses.consumer.map((_, i) => `consumer-${i + 1}`);
  }

  get names(): readonly string[] {
    return this.#names;
  }

  cpu(): number {
    const { pids } = this.cluster.cluster.addresses;
    return sum(this.#names.map((name) => allThreads(pids[name] as number)));
  }

  /** Events that each has counted since its start. */
  async counted(): Promise<number[]> {
    const urls = this.cluster.cluster.addresses.consumer.slice(0, this.#names.length);
    return Promise.all(
      urls.map(async (url) => {
        const text = await (await fetch(`${url}/metrics`)).text();
        return Number(/^keymeter_events_total\{fate="counted"\} (\S+)$/m.exec(text)?.[1] ?? 0);
      }),
    );
  }

  async reduceTo(count: number): Promise<void> {
    for (const name of this.#names.slice(count)) this.cluster.cluster.signal(name, 'SIGTERM');
    this.#names = this.#names.slice(0, count);
  }

  /** Resolves when each consumer has its share of the partitions: what is sent to all of them it counts by shares. */
  async settle(sender: EventSender): Promise<void> {
    const share = PARTITIONS / this.#names.length;
    const shared = async () => {
      const before = await this.counted();
      const sent = await sender.sendEach(1);
      const growth = async () => (await this.counted()).map((it, i) => it - (before[i] as number));
      await until(async () => sum(await growth()) >= sent, SETTLED_WITHIN_MS, 'counted');
      return (await growth()).every((it) => it >= share);
    };
    await until(shared, SETTLED_WITHIN_MS, 'shared out');
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

async function until(check: () => Promise<boolean>, withinMs: number, what: string): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`scale-out: events are not ${what} after ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
