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

/** All loops, each of them on one of the targets in turn, with one request in flight. */
export class Load {
  readonly keys: KeyLoad;
  readonly verify: VerifyLoad;
  readonly #ingest: IngestLoad;
  readonly #draw: Draw;
  #loops: Promise<void>[] = [];

  constructor(
    private readonly targets: readonly Target[],
    ledger: Ledger,
    random: () => number,
    world: World,
  ) {
    this.#draw = new Draw(random);
    this.keys = new KeyLoad(targets, ledger, this.#draw, world);
    this.verify = new VerifyLoad(ledger, this.#draw, world, this.keys.changing);
    this.#ingest = new IngestLoad(ledger, this.#draw, { manyTargets: targets.length > 1 });
  }

  run({ verifiers, ingesters, pauseMs }: LoadShape): void {
    const steps = [
      ...Array.from({ length: verifiers }, (_, i) => () => this.verify.step(this.#target(i))),
      ...Array.from({ length: ingesters }, (_, i) => () => this.#ingest.step(this.#target(i))),
      ...this.targets.map((target) => () => this.keys.step(target, this.verify)),
    ];
    this.#loops = steps.map((step) => this.#loop(step, pauseMs));
    for (const loop of this.#loops) loop.catch(() => this.#end()); // stop() hands the error on
  }

  /** Rejects if a loop failed by a fault of its own. */
  async stop(): Promise<void> {
    this.#end();
    await Promise.all(this.#loops);
  }

  #target(i: number): Target {
    return this.targets[i % this.targets.length] as Target;
  }

  #end(): void {
    for (const target of this.targets) target.stop();
  }

  async #loop(step: () => Promise<void>, pauseMs: number): Promise<void> {
    while (!this.#target(0).stopped) {
      await step();
      await new Promise((resolve) => setTimeout(resolve, this.#draw.whole(0, pauseMs)));
    }
  }
}
