import { Draw } from './draw.js';
import { IngestLoad } from './ingest-load.js';
import { KeyLoad } from './key-load.js';
import type { Ledger } from './ledger.js';
import type { Target } from './target.js';
import { VerifyLoad } from './verify-load.js';
import type { World } from './world.js';

export interface LoadShape {
  readonly verifiers: number;
  readonly ingesters: number;
  /** Longest pause of a loop between two requests, ms. */
  readonly pauseMs: number;
}

/** All loops over one target. Each loop has one request in flight. */
export class Load {
  readonly keys: KeyLoad;
  readonly verify: VerifyLoad;
  readonly #ingest: IngestLoad;
  readonly #draw: Draw;
  #loops: Promise<void>[] = [];

  constructor(
    private readonly target: Target,
    ledger: Ledger,
    random: () => number,
    world: World,
  ) {
    this.#draw = new Draw(random);
    this.keys = new KeyLoad(target, ledger, this.#draw, world);
    this.verify = new VerifyLoad(target, ledger, this.#draw, world, this.keys.changing);
    this.#ingest = new IngestLoad(target, ledger, this.#draw);
  }

  run({ verifiers, ingesters, pauseMs }: LoadShape): void {
    const steps = [
      ...Array.from({ length: verifiers }, () => () => this.verify.step()),
      ...Array.from({ length: ingesters }, () => () => this.#ingest.step()),
      () => this.keys.step(this.verify),
    ];
    this.#loops = steps.map((step) => this.#loop(step, pauseMs));
    for (const loop of this.#loops) loop.catch(() => this.target.stop()); // stop() hands the error on
  }

  /** Rejects if a loop failed by a fault of its own. */
  async stop(): Promise<void> {
    this.target.stop();
    await Promise.all(this.#loops);
  }

  async #loop(step: () => Promise<void>, pauseMs: number): Promise<void> {
    while (!this.target.stopped) {
      await step();
      await new Promise((resolve) => setTimeout(resolve, this.#draw.whole(0, pauseMs)));
    }
  }
}
