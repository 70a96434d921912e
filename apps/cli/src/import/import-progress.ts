/** Writes progress and notices to standard error: a bar that is drawn over on a terminal, plain lines elsewhere. */
import type { CliContext } from '../command.js';
import { type Progress, progressBar, progressLine } from '../output/progress.js';

const BAR_EVERY_MS = 100;
const LINE_EVERY_MS = 5_000;
const DEFAULT_COLUMNS = 80;
const CLEAR_LINE = '\r\u001b[K';

export class ImportProgress {
  readonly startedAt: number;
  #shownAt: number;
  #barShown = false;

  constructor(private readonly context: CliContext) {
    this.startedAt = context.clock.monotonic();
    this.#shownAt = this.startedAt;
  }

  get elapsedMs(): number {
    return this.context.clock.monotonic() - this.startedAt;
  }

  show(progress: Omit<Progress, 'elapsedMs'>): void {
    const now = this.context.clock.monotonic();
    const terminal = this.context.stderr.isTTY === true;
    if (now - this.#shownAt < (terminal ? BAR_EVERY_MS : LINE_EVERY_MS)) return;
    this.#shownAt = now;
    const full = { ...progress, elapsedMs: this.elapsedMs };
    if (!terminal) {
      this.context.stderr.write(`${progressLine(full)}\n`);
      return;
    }
    this.#barShown = true;
    this.context.stderr.write(CLEAR_LINE + progressBar(full, (this.context.stderr.columns ?? DEFAULT_COLUMNS) - 1));
  }

  /** What is waited for, on a terminal, until the next notice or the end. */
  waiting(text: string): void {
    if (this.context.stderr.isTTY !== true) return;
    this.#barShown = true;
    this.context.stderr.write(CLEAR_LINE + text.slice(0, (this.context.stderr.columns ?? DEFAULT_COLUMNS) - 1));
  }

  notice(text: string): void {
    this.clear();
    this.context.stderr.write(`keymeter: ${text}\n`);
  }

  clear(): void {
    if (this.#barShown) this.context.stderr.write(CLEAR_LINE);
    this.#barShown = false;
  }
}
