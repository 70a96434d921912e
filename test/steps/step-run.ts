/**
 * One run over all points at once, each in a partition of its own: processes are held until every partition stands at its
 * point, then struck as a whole; others take over, are struck in the middle of that, and a last one finishes.
 */
import type { KafkaEventLogWriter } from '#adapters/kafka/kafka-event-log-writer.js';
import type { EventsTopic } from '#adapters/kafka/kafka-topics.js';
import type { ConsumerRig } from '../support/consumer-rig.js';
import type { EventLedger } from '../support/event-ledger.js';
import { eventually } from '../support/eventually.js';
import type { Held } from './stepping-consumer.js';
import { SteppingProcess } from './stepping-process.js';
import { nameOf, POINTS, type Point } from './steps.js';

export type Blow = 'killed' | 'stood still';

export interface StepRun {
  /** What was struck, in order. */
  readonly struck: readonly SteppingProcess[];
  readonly all: readonly SteppingProcess[];
}

export const PARTITIONS = POINTS.length;

const IN_HAND = 'counting before OffsetStore.commit';
/** The first process books what it has committed at its end: those points belong to the third. */
const isBook = ({ step: { phase, call } }: Point) => phase === 'counting' && call === 'UsageStore.book';
const isTakeover = ({ step }: Point) => step.phase === 'takeover';

export function subjectOf(blow: Blow, point: Point): string {
  return `${blow} ${nameOf(point)}`;
}

export class StepRunner {
  constructor(
    private readonly rig: ConsumerRig,
    private readonly topic: EventsTopic,
    private readonly writer: KafkaEventLogWriter,
    private readonly ledger: EventLedger,
    private readonly blow: Blow,
  ) {}

  async run(): Promise<StepRun> {
    const atFirst = (point: Point) => (isTakeover(point) ? heldBefore(point) : heldAt(point));
    const first = this.#start(heldBy(atFirst, not(isBook)));
    await this.#append(not(isBook));
    await this.#strike(first);
    await this.#damage();
    const second = this.#start(heldBy(heldAt, isTakeover));
    await this.#strike(second);
    const third = this.#start(heldBy(heldAt, isBook));
    await this.rig.settled(this.topic);
    await this.#append(isBook);
    await this.rig.settled(this.topic);
    third.end();
    await this.#strike(third);
    const last = this.#start({});
    await this.rig.holdsAll(last.process, this.topic);
    await this.rig.settled(this.topic);
    const struck = [first, second, third];
    if (this.blow === 'stood still') await this.#wake(struck);
    expect(await last.process.end('SIGTERM')).toEqual({ code: 0, signal: null });
    return { struck, all: [...struck, last] };
  }

  #start(held: Held): SteppingProcess {
    return new SteppingProcess(this.rig, held);
  }

  /** One range for each of these points. */
  async #append(of: (point: Point) => boolean): Promise<void> {
    const appended = POINTS.flatMap((point, partition) => {
      if (!of(point)) return [];
      const records = this.ledger.range(partition, subjectOf(this.blow, point), Date.now());
      return records.map((record) => this.writer.append(partition, record));
    });
    await Promise.all(appended);
  }

  /**
   * Rows are on their way to a usage store that does not move until the blow has fallen. What is not held is through by
   * then: it would take the connections.
   */
  async #strike(stepping: SteppingProcess): Promise<void> {
    await stepping.atItsPoints();
    await this.rig.settled(this.topic, stepping.partitions);
    if (stepping.ending) await this.#booked(stepping.partitions);
    this.rig.front.pause();
    await stepping.send().finally(() => {
      stepping.process.kill(this.blow === 'killed' ? 'SIGKILL' : 'SIGSTOP');
      this.rig.front.resume();
    });
    if (this.blow === 'killed') await stepping.process.exited;
  }

  /** Resolves when all that is committed is in the books, but for these partitions. */
  async #booked(but: readonly number[]): Promise<void> {
    const shared = await this.rig.shared(this.topic);
    await eventually(async () => {
      const booked = await this.rig.sql.query<{ partition: number; next: string }>(
        'SELECT partition, toString(max(next)) AS next FROM keymeter.books GROUP BY partition',
      );
      const behind = (await shared.committed()).flatMap(({ next }, partition) => {
        const until = Number(booked.find((it) => it.partition === partition)?.next ?? 0);
        return but.includes(partition) || until >= next ? [] : [partition];
      });
      expect(behind).toEqual([]);
    }, 60_000);
    await shared.close();
  }

  /**
   * As an engine leaves it that ended between its deduplication log and the renaming of parts (docs/adr/0004): tokens
   * are known, half of the rows are gone, and in every second partition one rollup, too.
   */
  async #damage(): Promise<void> {
    const touched = POINTS.flatMap((point, p) => (isTakeover(point) && heldBefore(point) === IN_HAND ? [p] : []));
    const ofRun = (partitions: readonly number[]) =>
      `partition IN (${partitions.join(', ')}) AND startsWith(subject, '${this.blow}')`;
    const settings = 'SETTINGS mutations_sync = 1';
    await this.rig.sql.command(
      `ALTER TABLE keymeter.events DELETE WHERE ${ofRun(touched)} AND idx % 2 = 0 ${settings}`,
    );
    const second = touched.filter((partition) => partition % 2 === 0);
    await this.rig.sql.command(
      `ALTER TABLE keymeter.usage_rollups DELETE WHERE ${ofRun(second)} AND window_size = 'hour' ${settings}`,
    );
  }

  /** They come to in the reverse order, each with the call in hand in which it stood. */
  async #wake(struck: readonly SteppingProcess[]): Promise<void> {
    for (const zombie of [...struck].reverse()) {
      zombie.process.kill('SIGCONT');
      zombie.goOn();
      await zombie.settled();
    }
    for (const zombie of struck) {
      expect(await zombie.process.end('SIGTERM')).toEqual({ code: 0, signal: null });
    }
  }
}

function heldBy(at: (point: Point) => string, which: (point: Point) => boolean): Held {
  return Object.fromEntries(POINTS.flatMap((point, partition) => (which(point) ? [[partition, at(point)]] : [])));
}

function heldAt({ step: { phase, call }, when }: Point): string {
  return `${phase} ${when} ${call}`;
}

/** Where the first process is held, so that the second one meets the point in its takeover. */
function heldBefore({ step: { call } }: Point): string {
  if (call === 'UsageStore.book') return 'counting after OffsetStore.commit';
  if (call === 'prove: replay') return 'counting before UsageStore.insert';
  return IN_HAND;
}

function not(of: (point: Point) => boolean): (point: Point) => boolean {
  return (point) => !of(point);
}
