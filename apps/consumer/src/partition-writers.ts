/**
 * One writer for each partition that this process holds: opened when the partition comes, drained before it goes. What
 * is taken away without notice is dropped: nothing of it can be committed any more, and the next owner proves what it
 * left in doubt. A partition that this process takes up anew, after a failed read also under the same lease, waits until
 * the writer before has ended: Kafka's fence tells processes apart, not two writers of one.
 */
import { KeymeterError } from '#domain/errors.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import type { RowSieve } from '#stream/row-sieve.js';
import { UsageSink } from './usage-sink.js';
import type { UsageWriter } from './usage-writer.js';

/** Opens and recovers a writer; `onFailed` ends its life. */
export type OpenWriter = (partition: number, onFailed: (error: unknown) => void) => Promise<UsageWriter>;

export class PartitionWriters extends UsageSink {
  readonly #writers = new Map<number, UsageWriter>();
  /** The newest taking up of a partition that is under way. */
  readonly #opening = new Map<number, object>();
  /** When nothing of the partition's earlier writers is under way any more. */
  readonly #ended = new Map<number, Promise<unknown>>();

  constructor(
    private readonly open: OpenWriter,
    /** Going on is impossible: the process must end. */
    private readonly onFailed: (error: unknown) => void,
  ) {
    super();
  }

  get held(): readonly number[] {
    return [...this.#writers.keys()].sort((a, b) => a - b);
  }

  /** Resolves with the offset to read from. Rejects with FENCED when the partition is gone again meanwhile. */
  async assigned(partition: number): Promise<number> {
    this.lost(partition);
    const turn = {};
    this.#opening.set(partition, turn);
    const opened = this.#opened(partition, turn);
    this.#endsWith(partition, opened);
    return (await opened).startOffset(partition);
  }

  async #opened(partition: number, turn: object): Promise<UsageWriter> {
    await this.#ended.get(partition);
    this.#demandTurn(partition, turn);
    const writer = await this.open(partition, (error) => this.#failed(partition, writer, error));
    if (this.#opening.get(partition) !== turn) writer.stop();
    this.#demandTurn(partition, turn);
    this.#opening.delete(partition);
    this.#writers.set(partition, writer);
    return writer;
  }

  #demandTurn(partition: number, turn: object): void {
    if (this.#opening.get(partition) === turn) return;
    throw new KeymeterError('FENCED', `Partition ${partition} was taken away while it was taken up.`);
  }

  #endsWith(partition: number, step: Promise<unknown>): void {
    this.#ended.set(
      partition,
      step.catch(() => undefined), // its caller's to report
    );
  }

  /** Resolves when all that was taken is committed, or cannot be any more. */
  async released(partition: number): Promise<void> {
    const writer = this.#writers.get(partition);
    if (writer) {
      await writer.drain().catch((error) => this.#failed(partition, writer, error));
      this.#drop(partition, writer);
    }
    await this.#ended.get(partition);
  }

  lost(partition: number): void {
    this.#opening.delete(partition);
    const writer = this.#writers.get(partition);
    if (writer) this.#drop(partition, writer);
  }

  startOffset(partition: number): number {
    return this.#of(partition).startOffset(partition);
  }

  /** For what is read from `startOffset` on. */
  sieve(partition: number): RowSieve | undefined {
    return this.#writers.get(partition)?.sieve(partition);
  }

  async take(frames: readonly DecidedFrame[]): Promise<void> {
    const [first] = frames;
    if (first) await this.#of(first.partition).take(frames);
  }

  async drain(): Promise<void> {
    await Promise.all(this.held.map((partition) => this.released(partition)));
  }

  #of(partition: number): UsageWriter {
    const writer = this.#writers.get(partition);
    if (!writer) throw new KeymeterError('FENCED', `Partition ${partition} is not held by this process.`);
    return writer;
  }

  #drop(partition: number, writer: UsageWriter): void {
    writer.stop();
    if (this.#writers.get(partition) !== writer) return;
    this.#writers.delete(partition);
    this.#endsWith(partition, writer.ended());
  }

  #failed(partition: number, writer: UsageWriter, error: unknown): void {
    if (this.#writers.get(partition) !== writer) return; // what it left undone is its heir's to prove
    if (error instanceof KeymeterError && error.code === 'FENCED') this.#drop(partition, writer);
    else this.onFailed(error);
  }
}
