import type { Clock } from '#ports/clock.js';
import type { CounterCalls } from './redis-counters-calls.js';
import type { ChargePart, CounterLayout, Part } from './redis-counters-layout.js';
import { chargeOf } from './redis-counters-outcome.js';

export type Repair = {
  readonly operation: string;
  /** It may have been done already: only while its marker lives can it be asked. */
  readonly inDoubt: boolean;
} & (
  | {
      /** A take: given back if it happened, kept from happening if not. */ readonly kind: 'fence';
      readonly part: Part;
    }
  | { readonly kind: 'undo'; readonly part: ChargePart }
);

const MAX_REPAIRS = 10_000;

/** What is to be put right as soon as Redis answers. One given up burns units; it never grants any. */
export class CounterRepairs {
  readonly #waiting = new Map<string, { repair: Repair; until: number; epoch: string | undefined }>();
  #running: Promise<void> | undefined;
  givenUp = 0;

  constructor(
    private readonly layout: CounterLayout,
    private readonly calls: CounterCalls,
    /** Remembers it, too: a server that crashes may forget it. */
    private readonly undo: (part: ChargePart, operation: string) => Promise<void>,
    private readonly clock: Clock,
    private readonly markerMs: number,
  ) {}

  get waiting(): number {
    return this.#waiting.size;
  }

  add(repair: Repair): void {
    if (this.#waiting.size >= MAX_REPAIRS) {
      this.givenUp++;
      return;
    }
    const marker = this.layout.marker(repair.part.tag, `${repair.operation}/${repair.kind}`);
    const until = repair.inDoubt ? this.#doubtEnds() : Number.POSITIVE_INFINITY;
    this.#waiting.set(marker, { repair, until, epoch: this.calls.epochId });
  }

  /** Throws STORE_UNAVAILABLE when Redis is away again; what is left waits on. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    for (const [key, { repair, until, epoch }] of this.#waiting) {
      if (this.clock.monotonic() > until) this.givenUp++;
      else if (epoch === this.calls.epochId) {
        await this.#repair(repair).catch((error) => this.#failed(key, repair, until, error));
      } // else what it would mend was lost with its epoch
      this.#waiting.delete(key);
    }
  }

  async #repair({ kind, part, operation }: Repair): Promise<void> {
    if (kind === 'undo') return this.undo(part, operation);
    const taken = await this.calls.fence(part, operation);
    const charge = taken && chargeOf(part.request, taken);
    if (charge) await this.undo({ tag: part.tag, charge }, `${operation}-back`);
  }

  /** Now in doubt, too. */
  #failed(key: string, repair: Repair, until: number, error: unknown): never {
    const epoch = this.#waiting.get(key)?.epoch;
    this.#waiting.set(key, { repair, until: Math.min(until, this.#doubtEnds()), epoch });
    throw error;
  }

  #doubtEnds(): number {
    return this.clock.monotonic() + this.markerMs;
  }
}
