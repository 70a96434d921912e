/** One import: read, decode, batch, send, remember, sum up. */
import { LineChain, sameChain } from '#domain/access-log/line-chain.js';
import type { CliContext } from '../command.js';
import { CliError, EXIT } from '../exit-code.js';
import { grouped } from '../output/number-format.js';
import type { BatchSender } from './batch-sender.js';
import { type ChunkSource, openChunks } from './chunk-source.js';
import { EventBatch } from './event-batch.js';
import { BrokenInput } from './gunzip.js';
import type { ImportPlan } from './import-plan.js';
import type { ImportProgress } from './import-progress.js';
import type { ImportState, ImportStateFile } from './import-state.js';
import { ImportTally } from './import-tally.js';
import { FormatDecoder } from './line-format.js';
import { LineSplitter } from './line-splitter.js';
import { lineText } from './line-text.js';
import { OutcomeQueue } from './outcome-queue.js';
import type { OutcomeReader } from './outcome-reader.js';
import type { RejectsFile } from './rejects-file.js';
import { proveResumePoint } from './resume-point.js';
import { SendWindow } from './send-window.js';

/**
 * The next batch is read and decoded meanwhile, but sent only when this one is in the log: policies follow event time,
 * and lines that overtake others by more than the allowed lateness make those late.
 */
const BATCHES_IN_FLIGHT = 1;
const SAVE_EVERY_MS = 2_000;

/** Where a batch ends. */
interface BatchEnd {
  readonly chain: ImportState['chain'];
  readonly lastEventLine: number;
  readonly malformedBefore: number;
  refused: number;
}

export interface ImportParts {
  readonly context: CliContext;
  readonly sender: BatchSender;
  readonly outcomes: OutcomeReader;
  readonly progress: ImportProgress;
  readonly rejects: RejectsFile;
  /** Undefined for standard input, which cannot be read twice. */
  readonly stateFile: ImportStateFile | undefined;
}

export class ImportRun {
  readonly tally = new ImportTally();
  /** How long it took until everything was durable on the server, ms. */
  storedMs = 0;
  /** Why the import is incomplete; undefined where it is complete. */
  problem: CliError | undefined;
  readonly #chain = new LineChain();
  readonly #window = new SendWindow<BatchEnd>(BATCHES_IN_FLIGHT, (end) => this.#acknowledge(end));
  readonly #outcomes: OutcomeQueue;
  readonly #splitter = new LineSplitter((bytes, length) => this.#line(bytes, length));
  #decoder: FormatDecoder;
  #batch = new EventBatch();
  #full: { batch: EventBatch; end: BatchEnd }[] = [];
  #skipUntil = 0;
  #alreadySent = 0;
  /** Malformed lines found while reading, without those the server refused. */
  #malformedRead = 0;
  #refusedAcknowledged = 0;
  #state: ImportState | undefined;
  #savedAt: number;

  constructor(
    private readonly plan: ImportPlan,
    private readonly parts: ImportParts,
  ) {
    this.#decoder = new FormatDecoder(plan.format, plan.source, plan.mapping);
    this.#savedAt = parts.context.clock.monotonic();
    this.#outcomes = new OutcomeQueue(parts.outcomes, (outcome) => this.tally.addOutcome(outcome));
  }

  /** Never rejects for what can be said in the summary: see `problem`. */
  async run(): Promise<void> {
    const chunks = await openChunks(this.plan.file, this.parts.context);
    try {
      await this.#resume();
      await this.#readAll(chunks);
    } catch (error) {
      this.#failed(error);
    } finally {
      await chunks.close();
    }
    await this.#finish();
  }

  async #resume(): Promise<void> {
    const state = await this.parts.stateFile?.load();
    if (state === undefined) return;
    const { context, sender, outcomes, rejects } = this.parts;
    const point = await proveResumePoint(this.plan, state, context, sender, outcomes);
    if (point.sent !== undefined) {
      this.#alreadySent = point.sent.line;
      this.tally.addOutcome(point.sent.outcome);
    }
    if (!point.proven || !(await rejects.resume(state.chain.line, state.rejected))) return;
    this.#skipUntil = state.chain.line;
    this.#refusedAcknowledged = state.rejected;
    this.#decoder = new FormatDecoder(state.format, this.plan.source, this.plan.mapping);
    this.#state = state;
  }

  async #readAll(chunks: ChunkSource): Promise<void> {
    const { context, progress, rejects } = this.parts;
    try {
      for await (const chunk of chunks.chunks()) {
        this.#splitter.push(chunk);
        await this.#sendFull();
        await rejects.flush();
        await this.#saveState(false);
        const { totalBytes, readBytes } = chunks;
        progress.show({ name: this.plan.file, lines: this.tally.lines, readBytes, totalBytes });
        if (context.interrupt.aborted) throw new CliError(EXIT.failed, this.#incomplete('interrupted'));
      }
      this.#splitter.end();
    } catch (error) {
      if (!(error instanceof BrokenInput)) throw error;
      const lost = this.#splitter.pendingBytes;
      const left = lost === 0 ? '' : ` (an unfinished line of ${lost} bytes was left out)`;
      this.problem = new CliError(EXIT.failed, this.#incomplete(error.message + left));
    }
    this.#closeBatch();
    await this.#sendFull();
  }

  #incomplete(reason: string): string {
    return (
      `${this.plan.file}: ${reason}; incomplete after line ${this.tally.lines}. ` +
      'Import the whole file again to go on: lines that count already do not count twice'
    );
  }

  #line(bytes: Uint8Array, length: number): void {
    const { tally } = this;
    this.#chain.add(bytes, length);
    tally.lines++;
    const number = tally.lines;
    if (number <= this.#skipUntil) {
      tally.skipped++;
      if (number === this.#skipUntil) this.#checkSkipped();
      return;
    }
    if (length > bytes.length) {
      this.#reject(number, `line of ${length} bytes, longer than ${bytes.length}; saved cut`, bytes);
      return;
    }
    const text = cleanText(lineText(bytes), number);
    if (text.trim() === '') {
      tally.blank++;
      return;
    }
    const decoded = this.#decoder.decode(text, this.#chain.id);
    if (!decoded.ok) {
      this.#reject(number, decoded.reason, bytes);
      return;
    }
    tally.addEvent(decoded.subject, decoded.time);
    if (number === this.#alreadySent) return;
    this.#batch.add(number, decoded.json);
    if (this.#batch.isFull) this.#closeBatch();
  }

  /** The file was opened twice: what was proven must be what is skipped. */
  #checkSkipped(): void {
    if (this.#state !== undefined && sameChain(this.#chain.state, this.#state.chain)) return;
    throw new CliError(EXIT.failed, `${this.plan.file} was replaced while it was read; run the import again`);
  }

  #reject(number: number, reason: string, bytes: Uint8Array): void {
    this.#malformedRead++;
    this.tally.addMalformed(number, reason);
    this.parts.rejects.add(number, reason, bytes);
  }

  #closeBatch(): void {
    const lastEventLine = this.#batch.lastLine ?? this.#state?.provenLine ?? 0;
    const end = { chain: this.#chain.state, lastEventLine, malformedBefore: this.#malformedRead, refused: 0 };
    this.#full.push({ batch: this.#batch, end });
    this.#batch = new EventBatch();
  }

  async #sendFull(): Promise<void> {
    for (const { batch, end } of this.#full.splice(0)) {
      await this.#outcomes.room();
      await this.#window.room();
      this.#window.add(this.#send(batch, end), end);
    }
  }

  async #send(batch: EventBatch, end: BatchEnd): Promise<void> {
    const outcome = await this.parts.sender.send(batch);
    this.tally.addOutcome(outcome);
    for (const stored of outcome.stored) this.#outcomes.add(stored);
    end.refused = outcome.refused.length;
    for (const { number, reason } of outcome.refused) {
      this.parts.rejects.add(number, `refused by the server: ${reason}`, batch.eventOf(number));
    }
  }

  #acknowledge(end: BatchEnd): void {
    this.#refusedAcknowledged += end.refused;
    const { chain, lastEventLine: provenLine } = end;
    if (provenLine === 0 || chain.line === 0) return;
    const rejected = end.malformedBefore + this.#refusedAcknowledged;
    this.#state = { version: 1, chain, provenLine, format: this.#decoder.format, rejected };
  }

  /** Malformed lines reach their file before the state says that they are in it. */
  async #saveState(now: boolean): Promise<void> {
    const { context, rejects, stateFile, progress } = this.parts;
    if (stateFile === undefined || this.#state === undefined) return;
    if (!now && context.clock.monotonic() - this.#savedAt < SAVE_EVERY_MS) return;
    const state = this.#state;
    this.#savedAt = context.clock.monotonic();
    await rejects.flush(true);
    if ((await stateFile.save(state)) || !now) return;
    progress.notice('how far this import came could not be saved; repeating it sends every line again');
  }

  async #finish(): Promise<void> {
    try {
      await this.#window.drain();
    } catch (error) {
      this.#failed(error);
    }
    await this.#saveState(true);
    this.storedMs = this.parts.progress.elapsedMs;
    await this.#awaitOutcomes();
    await this.parts.rejects.close();
    this.parts.progress.clear();
  }

  /** What was sent is stored, but nobody should wait long for numbers of an import that has failed. */
  #failed(error: unknown): void {
    if (!(error instanceof CliError)) throw error;
    this.problem ??= error;
    this.parts.outcomes.hurry();
  }

  async #awaitOutcomes(): Promise<void> {
    if (this.problem === undefined && this.#outcomes.size > 0) {
      const lines = grouped(this.tally.lines);
      this.parts.progress.waiting(`all ${lines} lines are stored; waiting until they are counted…`);
    }
    await this.#outcomes.drain();
  }
}

/** Without the CR of a CRLF line end and without a byte order mark. */
function cleanText(text: string, number: number): string {
  const line = text.endsWith('\r') ? text.slice(0, -1) : text;
  return number === 1 && line.charCodeAt(0) === 0xfeff ? line.slice(1) : line;
}
