/**
 * Stored events whose outcome is asked for while the next ones are sent: one question at a time, in the order of the
 * log, which is the order of the decisions. Bounded.
 */
import type { BatchOutcome, StoredEvents } from './batch-outcome.js';
import type { OutcomeReader } from './outcome-reader.js';
import { SendWindow } from './send-window.js';

/** How far sending may run ahead of the decisions, batches. */
const MAX_WAITING = 500;

export class OutcomeQueue {
  readonly #window: SendWindow<undefined>;
  #last: Promise<void> = Promise.resolve();
  #size = 0;

  constructor(
    private readonly reader: OutcomeReader,
    private readonly tell: (outcome: BatchOutcome) => void,
    maxWaiting = MAX_WAITING,
  ) {
    this.#window = new SendWindow(maxWaiting, () => {
      this.#size--;
    });
  }

  /** Outcomes that are not known yet. */
  get size(): number {
    return this.#size;
  }

  add(stored: StoredEvents): void {
    this.#size++;
    this.#last = this.#last.then(async () => this.tell(await this.reader.outcomeOf(stored)));
    this.#window.add(this.#last, undefined);
  }

  /** Resolves when another batch may be sent. */
  room(): Promise<void> {
    return this.#window.room();
  }

  /** Resolves when every outcome is told. */
  drain(): Promise<void> {
    return this.#window.drain();
  }
}
