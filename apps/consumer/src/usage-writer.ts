/**
 * The consumer's loop: collects decided frames into batches and carries each through intend → insert → commit.
 * One insert is in doubt at a time. What an interrupted one left behind is proved by position before the offset moves.
 */
import { KeymeterError } from '#domain/errors.js';
import { dayOf, type EventCounts } from '#domain/log/counted-range.js';
import type { OffsetRange } from '#domain/log/position.js';
import type { Clock } from '#ports/clock.js';
import type { EventLogReader } from '#ports/event-log.js';
import type { CountedRow, OffsetStore } from '#ports/offset-store.js';
import type { UsageBlock, UsageStore } from '#ports/usage-store.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import type { Deduplicator } from '#stream/deduplicator.js';
import { decideRecords } from '#stream/frame-decoder.js';
import { untilDone } from '#stream/retry.js';
import type { RowSieve } from '#stream/row-sieve.js';
import { BatchLimits } from './batch-limits.js';
import type { GrowingPartition } from './growing-partition.js';
import type { InsertTurns } from './insert-turns.js';
import { isRowFault, readable } from './plain-rows.js';
import { booksBegin, RangeBooks } from './range-books.js';
import { UsageBatch } from './usage-batch.js';
import { UsageSink } from './usage-sink.js';

export interface UsageWriterOptions {
  readonly logId: string;
  /** Rows after which a batch is inserted at once. */
  readonly maxRows: number;
  /** Wait of a row for its batch to fill, ms; then it is due. */
  readonly maxAgeMs: number;
  /** Shared with the writers of the process's other partitions: batches that are due begin one after the other. */
  readonly turns?: InsertTurns;
  readonly maxBytes?: number;
  /** Another one than last time means that the machine was started anew meanwhile. */
  readonly bootId: string;
  /** How long the usage store keeps raw events, from acceptance. */
  readonly rawRetentionMs: number;
  /** Going on is impossible: the process must end, with the range in doubt left as it is. */
  readonly onFailed: (error: unknown) => void;
  readonly onCommitted?: (commit: Committed) => void;
  readonly onRetry?: (error: KeymeterError, attempt: number) => void;
  /** Rollup rows that the machine's end had left behind raw. */
  readonly onMended?: (rows: number) => void;
  readonly onReplayed?: (range: OffsetRange, missingRows: number, mendedWindows: number) => void;
  /** Where the number of partitions may grow. */
  readonly growing?: GrowingPartition;
}

export interface Committed {
  readonly range: OffsetRange;
  readonly counts: EventCounts;
  readonly newestAcceptedAt: number;
}

const NOTHING_TO_PROVE = { missingRows: 0, mendedWindows: 0 };
const FIRST_WAIT_MS = 200;
/** How long what is committed may be missing in the books: one small insert instead of one per batch. */
const BOOK_EVERY_MS = 10_000;
const DAY_MS = 86_400_000;
/** The engine takes about ten times a block's bytes while it inserts it. */
const MAX_BYTES = 8 * 1024 * 1024;

export class UsageWriter extends UsageSink {
  readonly #starts: number[] = [];
  /** Of each partition as of its recovery. */
  readonly #sieves = new Map<number, RowSieve>();
  /** Next offset expected from the reader, by partition. */
  readonly #taken: number[] = [];
  #sameBoot: boolean | undefined;
  #collecting: UsageBatch | undefined;
  #timer: NodeJS.Timeout | undefined;
  #giveUpTurn: () => void = () => undefined;
  /** The chain of inserts; rejects once and for all when going on is impossible. */
  #inserting: Promise<void> = Promise.resolve();
  /** The same without its newest batch. */
  #insertedBefore: Promise<void> = Promise.resolve();
  #waiting = 0;
  #stopped = false;
  readonly #limits: BatchLimits;
  readonly #books = new RangeBooks();
  #bookTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: UsageStore,
    private readonly offsets: OffsetStore,
    private readonly deduplicator: Deduplicator,
    private readonly clock: Clock,
    private readonly options: UsageWriterOptions,
  ) {
    super();
    this.#limits = new BatchLimits({ maxBytes: MAX_BYTES, ...options });
  }

  /** Mends what the last process left in doubt and finds where to go on. Call before anything is read. */
  async recover(reader: EventLogReader): Promise<void> {
    for (let partition = 0; partition < reader.partitions; partition++) await this.recoverPartition(reader, partition);
  }

  /** As `recover`, for one partition: its last owner may have been another process. */
  recoverPartition(reader: EventLogReader, partition: number): Promise<void> {
    return this.#untilDone(() => this.#recover(reader, partition));
  }

  async #recover(reader: EventLogReader, partition: number): Promise<void> {
    this.#sameBoot ??= await this.offsets.begin(this.options.bootId);
    const progress = await this.offsets.load(partition);
    const { intended } = progress;
    const stored = await this.store.nextOffset(partition);
    refuseDataAhead(partition, stored, Math.max(progress.next, intended?.next ?? 0));
    this.#refuseDataBehind(partition, stored, progress.lastRow);
    await this.store.book(progress.unbooked ?? booksBegin(partition, progress.next));
    const sieve = this.options.growing?.sieve(partition, progress.next, progress.splits ?? []);
    if (sieve) this.#sieves.set(partition, sieve);
    if (intended) await this.#replay(reader, intended, sieve);
    if (!this.#sameBoot) await this.#mendRollups(partition, progress.lastRow);
    this.#starts[partition] = intended?.next ?? progress.next;
  }

  startOffset(partition: number): number {
    return this.#starts[partition] ?? 0;
  }

  /** For reading from `startOffset` on; it follows what it is shown. */
  sieve(partition: number): RowSieve | undefined {
    return this.#sieves.get(partition);
  }

  async take(frames: readonly DecidedFrame[]): Promise<void> {
    for (const frame of frames) {
      this.#demandNext(frame);
      if (this.#collecting && !this.#collecting.fits(frame)) this.#send();
      this.#collecting ??= new UsageBatch(frame);
      this.#collecting.add(frame);
      if (this.#limits.reachedBy(this.#collecting)) this.#send();
    }
    this.#timer ??= this.#collecting ? setTimeout(() => this.#due(), this.#limits.maxAgeMs) : undefined;
    if (this.#waiting > 1) await this.#insertedBefore; // the next batch fills while the newest one is inserted
  }

  /** Inserts what was collected and resolves when all is committed. */
  async drain(): Promise<void> {
    this.#send();
    this.#chain(() => this.#book());
    await this.#inserting;
  }

  /** Nothing new is begun; what is interrupted is proved at the next start. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#giveUpTurn();
    clearTimeout(this.#bookTimer);
  }

  /** Resolves, after `stop`, when nothing of it is under way any more. */
  ended(): Promise<void> {
    return this.#inserting.catch(() => undefined); // reported by onFailed
  }

  /** A frame handed over twice would count twice, a skipped one never: both are faults of ours and end the process. */
  #demandNext({ partition, offset }: DecidedFrame): void {
    const expected = this.#taken[partition] ?? this.startOffset(partition);
    if (offset !== expected)
      throw new Error(`partition ${partition}: offset ${expected} is next, ${offset} was handed over`);
    this.#taken[partition] = offset + 1;
  }

  #due(): void {
    const { turns } = this.options;
    if (turns) this.#giveUpTurn = turns.ask(() => this.#sendWhenIdle());
    else this.#sendWhenIdle();
  }

  /** While an insert is under way the next batch goes on growing: fewer, larger inserts cost the engine far less. */
  #sendWhenIdle(): void {
    if (this.#waiting === 0) this.#send();
    else
      this.#inserting.then(
        () => this.#send(),
        () => undefined, // reported by onFailed
      );
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#giveUpTurn();
    const batch = this.#collecting;
    if (!batch) return;
    this.#collecting = undefined;
    this.#waiting++;
    this.#insertedBefore = this.#inserting;
    this.#chain(() => this.#carry(batch));
  }

  #chain(step: () => Promise<void>): void {
    this.#inserting = this.#inserting.then(step);
    this.#inserting.catch(this.options.onFailed);
  }

  async #carry(batch: UsageBatch): Promise<void> {
    const block = batch.block(this.options.logId);
    await this.#untilDone(() => this.offsets.intend(block.range));
    await this.#writeDeadLetters(batch);
    if (block.count > 0) await this.#insert(block);
    await this.#pass(batch);
    const unbooked = this.#books.with(block.range.partition, batch.minutes);
    await this.#untilDone(() => this.offsets.commit(block.range, batch.counts, batch.lastRow, unbooked, batch.splits));
    this.#waiting--;
    this.#committed(batch);
    if (this.#books.isFull) await this.#book();
  }

  async #book(): Promise<void> {
    clearTimeout(this.#bookTimer);
    this.#bookTimer = undefined;
    if (this.#books.isEmpty) return;
    const ranges = this.#books.take();
    await this.#untilDone(() => this.store.book(ranges));
  }

  async #insert(block: UsageBlock): Promise<void> {
    let inDoubt = false;
    await this.#untilDone(() =>
      readable(block, async (rows) => {
        if (inDoubt) await this.store.prove(rows);
        else {
          await this.store.insert(rows).catch((error: unknown) => {
            inDoubt = !isRowFault(error);
            throw error;
          });
        }
      }),
    );
  }

  /** Before the commit: who takes the partition over after a crash passes them on again, and their ids tell the repeat. */
  async #pass({ passed }: UsageBatch): Promise<void> {
    for (const { partition, frame } of passed) {
      await this.#untilDone(async () => this.options.growing?.pass(partition, frame));
    }
  }

  async #writeDeadLetters(batch: UsageBatch): Promise<void> {
    if (batch.deadLetters.length === 0) return;
    await this.#untilDone(() => this.store.insertDeadLetters(batch.deadLetters));
  }

  #committed(batch: UsageBatch): void {
    this.#limits.committed();
    this.#books.committed(batch.minutes);
    this.#bookTimer ??= setTimeout(() => this.#chain(() => this.#book()), BOOK_EVERY_MS);
    this.deduplicator.committed(batch.range.partition, batch.range.next);
    this.options.onCommitted?.({ range: batch.range, counts: batch.counts, newestAcceptedAt: batch.newestAcceptedAt });
  }

  /** A writer that was stopped may have an heir in this very process, whose commits Kafka cannot tell from its own. */
  #demandGoing(): void {
    if (this.#stopped) throw new KeymeterError('FENCED', 'This writer was stopped: the range is left to its heir.');
  }

  #untilDone(step: () => Promise<unknown>): Promise<void> {
    const going = async () => {
      this.#demandGoing();
      await step();
    };
    return untilDone(going, {
      clock: this.clock,
      firstWaitMs: FIRST_WAIT_MS,
      isStopped: () => this.#stopped,
      onRetry: (error, attempt) => {
        if (error.code === 'STORE_CROWDED') this.#limits.crowded();
        this.options.onRetry?.(error, attempt);
      },
    });
  }

  async #replay(reader: EventLogReader, range: OffsetRange, sieve: RowSieve | undefined): Promise<void> {
    let batch: UsageBatch | undefined;
    for (let offset = range.first; offset < range.next; ) {
      const records = (await reader.read(range.partition, offset, 4 * 1024 * 1024)).filter(
        (r) => r.offset < range.next,
      );
      for (const frame of await decideRecords(records, this.deduplicator, sieve)) {
        batch ??= new UsageBatch(frame);
        batch.add(frame);
      }
      offset += records.length;
    }
    if (!batch) return;
    const block = batch.block(this.options.logId);
    await this.#writeDeadLetters(batch);
    const proof = block.count > 0 ? await readable(block, (rows) => this.store.prove(rows)) : NOTHING_TO_PROVE;
    await this.#pass(batch);
    await this.offsets.commit(range, batch.counts, batch.lastRow, batch.minutes, batch.splits);
    this.#committed(batch);
    this.options.onReplayed?.(range, proof.missingRows, proof.mendedWindows);
  }

  /**
   * Raw parts are flushed when they are inserted, rollups by the system some time later. Two days cover a midnight
   * between a range and the power loss that followed it.
   */
  async #mendRollups(partition: number, lastRow: CountedRow | undefined): Promise<void> {
    const since = dayOf((lastRow?.acceptedAt ?? 0) - DAY_MS);
    const mended = lastRow ? await this.store.mendSince(since, partition) : 0;
    if (mended > 0) this.options.onMended?.(mended);
  }

  /** Counted rows that are gone although raw events are kept for longer: an older copy of the usage store. */
  #refuseDataBehind(partition: number, stored: number, lastRow: CountedRow | undefined): void {
    if (!lastRow || stored > lastRow.offset) return;
    if (lastRow.acceptedAt < this.clock.now() - this.options.rawRetentionMs + DAY_MS) return;
    throw new KeymeterError(
      'OFFSET_BEHIND_DATA',
      `Partition ${partition}: progress says that offset ${lastRow.offset} is counted, the usage store ends at ${stored}. Restore both from the same copy of the data folder.`,
    );
  }
}

/** Rows above every recorded range mean that progress and data belong to different histories. */
function refuseDataAhead(partition: number, stored: number, recorded: number): void {
  if (stored <= recorded) return;
  throw new KeymeterError(
    'OFFSET_BEHIND_DATA',
    `Partition ${partition}: the usage store holds events up to offset ${stored}, the recorded progress ends at ${recorded}. Restore both from the same copy of the data folder.`,
  );
}
